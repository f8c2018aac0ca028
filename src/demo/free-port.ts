import type { AddressInfo } from "node:net";
import { createServer } from "node:net";

/**
 * Finds a TCP port of 127.0.0.1 to listen on.
 *
 * @param preferred the port wanted; when it is taken or not allowed, any free one is given instead.
 */
export async function freePort(preferred: number): Promise<number> {
  return (await tryPort(preferred)) ?? (await tryPort(0)) ?? preferred;
}

function tryPort(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(undefined));
    server.listen(port, "127.0.0.1", () => {
      const found = (server.address() as AddressInfo).port;
      server.close(() => resolve(found));
    });
  });
}
