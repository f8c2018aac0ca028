import { rmSync } from "node:fs";
import type { ChildOrder, ChildReport } from "./child-message.ts";

/**
 * Makes this process a child of the demo: it obeys `onOrder`, leaves Ctrl-C to its parent, and never outlives it, even
 * when the parent was killed without a chance to clean up.
 *
 * A child that was given wards (processes without a message channel of their own, and the temporary folder) ends and
 * removes them in that case.
 */
export function beChild(onOrder: (order: ChildOrder) => void): void {
  let pids: readonly number[] = [];
  let folder = "";
  // A terminal sends Ctrl-C to every process of the group, but the parent still wants the last numbers.
  process.on("SIGINT", () => {});
  process.on("disconnect", () => {
    for (const pid of pids) endOrphan(pid);
    if (folder !== "") rmSync(folder, { recursive: true, force: true });
    process.exit(0);
  });
  process.on("uncaughtException", (error) => {
    report({ kind: "failed", reason: error.message });
    setTimeout(() => process.exit(1), 50);
  });
  process.on("message", (order: ChildOrder) => {
    if (order.kind === "wards") {
      pids = order.pids;
      folder = order.folder;
    } else {
      onOrder(order);
    }
  });
}

/** Sends a report to the demo; does nothing when the demo is gone. */
export function report(message: ChildReport): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
}

function endOrphan(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}
