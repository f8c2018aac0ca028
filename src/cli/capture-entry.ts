import { runCapture } from "../capture/capture-main.ts";
import { ExitCode, ExitError } from "../daemon/exit-code.ts";

// Begun by `isobar capture` in its own place, see begin-frugally.ts; the arguments have been checked there.
const [runDir = "", table = "", group = ""] = process.argv.slice(2);
try {
  process.exit(await runCapture({ runDir, table, runGroup: group === "" ? undefined : Number(group) }));
} catch (error) {
  console.error(error instanceof ExitError ? error.message : error);
  process.exit(error instanceof ExitError ? error.exitCode : ExitCode.fault);
}
