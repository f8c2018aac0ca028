import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { PinnedProcess } from "./pinned-process.ts";

/** True if something accepts connections on this loopback port. */
export function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

/** Waits until the process listens on the port; throws with its last words if it ends or takes too long. */
export async function waitForPort(owner: PinnedProcess, port: number, milliseconds = 15_000): Promise<void> {
  const deadline = Date.now() + milliseconds;
  while (Date.now() < deadline && !owner.exited()) {
    if (await isListening(port)) {
      return;
    }
    await sleep(50);
  }
  const what = owner.exited() ? "ended" : `does not listen on port ${port} after ${milliseconds / 1000} s`;
  throw new Error(`${what}: ${tellingLine(owner.complaints())}`);
}

/** The line of a complaint that names the error, or its last one. */
function tellingLine(complaints: string): string {
  const lines = complaints.split("\n").map((line) => line.trim());
  return lines.find((line) => /error|fail|cannot/i.test(line)) ?? lines.at(-1) ?? "";
}
