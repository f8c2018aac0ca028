import type { Log } from "../telemetry/log.ts";

/**
 * Notes what the discovery of a cluster suffers from, and says so.
 *
 * @param troubles by cluster name.
 * @param reason "" when it works again.
 */
export function noteTrouble(troubles: Map<string, string>, log: Log, cluster: string, reason: string): void {
  if (reason === "") {
    troubles.delete(cluster);
    log.info("discovery works again", { cluster });
    return;
  }
  troubles.set(cluster, reason);
  log.warn("discovery has trouble, the last good answer stays in force", { cluster, reason });
}
