// The grpc-js client of the interoperability tests, with xDS where the target asks for it.
import { parseArgs } from "node:util";
import { call } from "./call.ts";
import { load } from "./load.ts";

const USAGE =
  "usage: echo call --target ADDR --authority NAME [--only CHECKS]" +
  " | echo load --target ADDR --authority NAME --name ID [--wait-for-ready yes] [--delay-ms N] [--bidi-ms N]\n";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    target: { type: "string", default: "" },
    authority: { type: "string", default: "" },
    only: { type: "string", default: "" },
    name: { type: "string", default: "node" },
    "wait-for-ready": { type: "string", default: "no" },
    "delay-ms": { type: "string", default: "20" },
    "bidi-ms": { type: "string", default: "0" },
  },
});
const { target, authority, only, name } = values;

/** A channel that was closed may try on for a minute to reach a control plane: nobody waits for that. */
function end(code: number): void {
  process.stdout.write("", () => process.exit(code));
}

if (positionals[0] === "call") {
  end((await call(target, authority, only)) ? 0 : 1);
} else if (positionals[0] === "load") {
  const waitForReady = values["wait-for-ready"] === "yes";
  const [delayMs, bidiMs] = [Number(values["delay-ms"]), Number(values["bidi-ms"])];
  await load({ target, authority, name, waitForReady, delayMs, bidiMs });
  end(0);
} else {
  process.stderr.write(USAGE);
  process.exitCode = 64;
}
