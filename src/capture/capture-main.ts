import { setPriority } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { ExitCode } from "../daemon/exit-code.ts";
import { EchoServer } from "./canary/echo-server.ts";
import { Capture } from "./capture.ts";
import { CaptureLock } from "./capture-lock.ts";
import { captureLog } from "./capture-log.ts";
import { CommandFailure, cannotCapture } from "./command-failure.ts";
import { InstalledTable } from "./installed-table.ts";
import { RunFolder } from "./run-folder.ts";
import { shareFolder } from "./share-folder.ts";

/** What `isobar capture` is told. */
export interface CaptureMainOptions {
  /** The folder that all generations of the node's proxy share with it. */
  readonly runDir: string;
  /** Name of the table. */
  readonly table: string;
  /** Number of the group that may write in the folder; undefined: everybody may. */
  readonly runGroup: number | undefined;
}

const STEP_MS = 1_000;
/** Before others when the node is busy: it needs little, and what it does late ends connections. */
const NICENESS = -10;
/**
 * Runs until SIGTERM or SIGINT: waits until no other capture has this network namespace's table, then keeps it.
 *
 * @throws ExitError when the folder or the node's tables cannot be written.
 */
export async function runCapture({
  runDir,
  table: tableName,
  runGroup,
}: CaptureMainOptions): Promise<number> {
  const stop = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stop.abort());
  const { signal } = stop;
  try {
    setPriority(NICENESS);
  } catch {
    // Without the capability SYS_NICE it waits its turn.
  }
  await shareFolder(runDir, runGroup);
  let lock: CaptureLock;
  try {
    lock = await CaptureLock.acquire(tableName, signal, () =>
      captureLog("info", "another capture keeps the table of this node; waiting for it to leave"),
    );
  } catch (error) {
    if (signal.aborted) return ExitCode.ok;
    throw error;
  }
  const echo = new EchoServer();
  const echoPort = await echo.open();
  const folder = new RunFolder(runDir, (generation, problem) =>
    captureLog("warn", "the files of a proxy cannot be used", { generation, problem }),
  );
  const capture = new Capture({ folder, runDir, table: new InstalledTable(tableName), tableName, echoPort });
  try {
    await capture.begin();
  } catch (error) {
    throw error instanceof CommandFailure ? cannotCapture(error) : error;
  }
  captureLog("info", "keeping the table", { table: tableName, runDir, echoPort });
  while (!signal.aborted) {
    await capture.tick();
    await sleep(STEP_MS, undefined, { signal }).catch(() => {});
  }
  const handsOver = lock.hasSuccessor;
  await capture.end(handsOver);
  lock.release();
  echo.close();
  captureLog("info", handsOver ? "another capture goes on with the table" : "the table is removed");
  return ExitCode.ok;
}
