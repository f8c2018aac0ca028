import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { connect, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

const LIMIT_MS = 2_000;
const SECRET_OCTETS = 16;

/**
 * Tries whether an accepted socket reaches another thread with all that its client has sent, and with its address:
 * Node supports it, but says little about it. Opens a port of its own on loopback for a moment.
 *
 * @param handOver sends the accepted, paused socket to the other thread, which answers with {@link answerProbe}.
 * @returns why it does not work; empty when it does.
 */
export async function probeHandOver(handOver: (socket: Socket) => void): Promise<string> {
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true });
  const limit = AbortSignal.timeout(LIMIT_MS);
  let client: Socket | undefined;
  try {
    server.listen(0, "127.0.0.1");
    await once(server, "listening", { signal: limit });
    const { port } = server.address() as AddressInfo;
    const secret = randomBytes(SECRET_OCTETS);
    const accepted = once(server, "connection", { signal: limit });
    client = connect({ port, host: "127.0.0.1" });
    client.write(secret);
    await once(client, "connect", { signal: limit });
    const [socket] = (await accepted) as [Socket];
    // What the client has said is in the kernel before the socket moves: nothing of it may be lost.
    await sleep(1);
    const { localPort } = client;
    handOver(socket);
    let answer = "";
    client.setEncoding("latin1").on("data", (part) => {
      answer += part;
    });
    await once(client, "end", { signal: limit });
    const expected = `${secret.toString("latin1")}127.0.0.1:${localPort}`;
    return answer === expected ? "" : "the socket arrived without its octets or its address";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    client?.destroy();
    server.close();
  }
}

/** The other thread's part of {@link probeHandOver}. */
export function answerProbe(socket: Socket): void {
  let heard = "";
  socket.on("error", () => undefined);
  socket.setEncoding("latin1").on("data", (part: string) => {
    heard += part;
    if (heard.length < SECRET_OCTETS) return;
    socket.end(`${heard}${socket.remoteAddress}:${socket.remotePort}`, "latin1");
  });
  socket.resume();
}
