import { ExitError } from "../../../src/daemon/exit-code.ts";
import { runProxy } from "../../../src/daemon/proxy-main.ts";
import type { Break } from "./breaker.ts";
import { Breaker } from "./breaker.ts";

// The proxy as a process whose threads break when the parent says so.
const breaker = new Breaker();
process.on("message", (message) => breaker.break(message as Break));
try {
  process.exitCode = await runProxy({
    configFile: process.argv[2] ?? "",
    env: process.env,
    workerEntry: new URL("./breakable-worker.ts", import.meta.url),
    acceptorEntry: new URL("./breakable-acceptor.ts", import.meta.url),
  });
} catch (error) {
  if (!(error instanceof ExitError)) throw error;
  console.error(error.message);
  process.exitCode = error.exitCode;
}
process.disconnect?.();
breaker.close();
