import { parseArgs } from "node:util";
import type { ServiceError } from "@grpc/grpc-js";
import { Metadata } from "@grpc/grpc-js";
import { callUnary, echoClient } from "./echo-client.ts";

// The load of one client, the same in every language.
const UNARY_LOOPS = 4;
const UNARY_DELAY_MS = 20;
const LONG_REPLIES = 150;
const SHORT_REPLIES = 10;
const REPLY_DELAY_MS = 20;

/** The grpc-js client under load, as a program: `node js-load.ts load --target ADDR --authority NAME --name ID`. */
const { values } = parseArgs({
  allowPositionals: true,
  options: {
    target: { type: "string" },
    authority: { type: "string" },
    name: { type: "string" },
    "wait-for-ready": { type: "string", default: "no" },
  },
});
const { target = "", authority = "", name = "js" } = values;

const metadata = new Metadata({ waitForReady: values["wait-for-ready"] === "yes" });
const client = echoClient(target, authority);
const report = {
  unary: 0,
  streams: 0,
  failed: [] as { id: string; status: number; message: string }[],
};
let stopped = false;
process.stdin.on("end", () => {
  stopped = true;
});
process.stdin.resume();

function stream(id: string, replies: number): Promise<ServiceError | null> {
  const call = client.serverStream(
    { replies, reply_size: 100, delay_ms: REPLY_DELAY_MS, call_id: id },
    metadata,
  );
  let next = 0;
  let wrong = 0;
  return new Promise((resolve) => {
    call.on("data", ({ index }) => {
      if (index !== next++) wrong++;
    });
    call.on("error", (error) => resolve(error as ServiceError));
    call.on("end", () => {
      const whole = wrong === 0 && next === replies;
      // After an error "end" may come too; then the promise is settled by "error" in the same turn.
      setImmediate(() =>
        resolve(
          whole
            ? null
            : (Object.assign(new Error(), {
                code: -1,
                details: `${next} of ${replies} replies`,
              }) as ServiceError),
        ),
      );
    });
  });
}

async function loop(
  kind: string,
  count: "unary" | "streams",
  call: (id: string) => Promise<ServiceError | null>,
): Promise<void> {
  for (let number = 0; !stopped; number++) {
    const id = `${name}-${kind}-${number}`;
    const error = await call(id);
    report[count]++;
    if (error !== null) report.failed.push({ id, status: error.code, message: error.details });
  }
}

await Promise.all([
  ...Array.from({ length: UNARY_LOOPS }, (_, each) =>
    loop(`unary${each}`, "unary", (id) => callUnary(client, id, UNARY_DELAY_MS, metadata)),
  ),
  loop("long", "streams", (id) => stream(id, LONG_REPLIES)),
  loop("short", "streams", (id) => stream(id, SHORT_REPLIES)),
]);
console.log(JSON.stringify(report));
client.close();
