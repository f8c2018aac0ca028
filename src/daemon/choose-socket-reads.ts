import { selfTestOnread } from "../net/onread-self-test.ts";
import type { SocketReads } from "../net/read-area.ts";
import type { WorkerToMain } from "./worker-messages.ts";

/**
 * Decides how a worker reads its sockets: by `onread` if that works in this Node, else by `data` events, with a line in the log.
 * The environment variable `ISOBAR_SOCKET_READS` (`onread`, `data`) decides for tests and for hunting a fault.
 */
export async function chooseSocketReads(say: (message: WorkerToMain) => void): Promise<SocketReads> {
  const { ISOBAR_SOCKET_READS: forced = "" } = process.env;
  if (forced === "onread" || forced === "data") return forced;
  const { reads, reason } = await selfTestOnread();
  if (reads === "data") {
    const message = "sockets cannot be read by onread here and are read by data events, which costs more CPU";
    say({ kind: "log", level: "warn", message, fields: { reason, node: process.version } });
  }
  return reads;
}
