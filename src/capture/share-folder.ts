import { chmod, chown, mkdir } from "node:fs/promises";
import { ExitCode, ExitError } from "../daemon/exit-code.ts";
import { captureLog } from "./capture-log.ts";

/** As of /tmp: what one proxy writes, or capture, another user cannot take away. */
const EVERYBODY = 0o1777;
/** The same for a group alone; whoever else is on the node can neither write a plan nor read one. */
const GROUP = 0o1770;

/**
 * Makes the folder in which proxies, which run as another user, and capture speak with each other. Plans decide where connections go: whoever may write there
 * may lead them to himself.
 *
 * @param group number of the proxies' group, which this process has to have, too (a chown by its owner takes no capability then); undefined: everybody may write.
 * @throws ExitError when it cannot be made, or given to the group.
 */
export async function shareFolder(runDir: string, group: number | undefined): Promise<void> {
  await mkdir(runDir, { recursive: true }).catch((error: Error) => {
    throw new ExitError(
      ExitCode.usage,
      `capture: cannot make the folder ${runDir}: ${error.message}; see --run-dir`,
    );
  });
  if (group === undefined) {
    await chmod(runDir, EVERYBODY).catch((error: Error) =>
      captureLog("warn", "the folder's mode stays as it is; proxies must be able to write to it", {
        problem: error.message,
      }),
    );
    return;
  }
  try {
    await chown(runDir, process.getuid!(), group);
    await chmod(runDir, GROUP);
  } catch (error) {
    throw new ExitError(
      ExitCode.usage,
      `capture: cannot give the folder ${runDir} to the group ${group}: ${(error as Error).message}; wanted a folder of this user's, and the group among its own (supplementalGroups), see --run-group`,
    );
  }
}
