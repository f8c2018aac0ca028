import { rm, stat } from "node:fs/promises";
import { connect } from "node:net";

/**
 * Removes the file of a unix socket that a dead process left behind. One that still accepts connections, and anything
 * that is not a socket, is left alone: binding it then fails with EADDRINUSE.
 */
export async function removeStaleSocket(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isSocket() !== true) return;
  if (!(await accepts(path))) await rm(path, { force: true });
}

function accepts(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
