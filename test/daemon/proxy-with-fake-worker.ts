import { ExitError } from "../../src/daemon/exit-code.ts";
import { runProxy } from "../../src/daemon/proxy-main.ts";

// The proxy with the fake data plane, as a process: signals and exit codes are part of what is tested.
try {
  process.exitCode = await runProxy({
    configFile: process.argv[2] ?? "",
    env: process.env,
    workerEntry: new URL("./fake-worker.ts", import.meta.url),
  });
} catch (error) {
  if (!(error instanceof ExitError)) throw error;
  console.error(error.message);
  process.exitCode = error.exitCode;
}
