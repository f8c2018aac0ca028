import { ExitError } from "../../../src/daemon/exit-code.ts";
import { runProxy } from "../../../src/daemon/proxy-main.ts";
import { Breaker } from "../../daemon/threads/breaker.ts";

// The proxy, whose first worker spins when the process gets SIGUSR2: a way to break it that production has not.
const breaker = new Breaker();
process.on("SIGUSR2", () => breaker.break({ worker: 0, how: "spin" }));
try {
  process.exitCode = await runProxy({
    configFile: process.argv[2] ?? "",
    env: process.env,
    workerEntry: new URL("../../daemon/threads/breakable-worker.ts", import.meta.url),
  });
} catch (error) {
  if (!(error instanceof ExitError)) throw error;
  console.error(error.message);
  process.exitCode = error.exitCode;
}
breaker.close();
