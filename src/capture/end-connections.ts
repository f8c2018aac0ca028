import { runCommand } from "./run-command.ts";

/**
 * Ends the established connections at a private port from the node's side, whatever its process does. The table's rule answers what a client
 * sends; a client that only waits for a response sends nothing, and would wait for ever for a process that is stopped.
 *
 * Needs CONFIG_INET_DIAG_DESTROY, which distributions have. Listening sockets stay: the process may come back.
 */
export async function endConnections(port: number): Promise<void> {
  await runCommand("ss", ["-K", "-H", "-t", "-n", "state", "connected", "sport", "=", `:${port}`]);
}
