import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { Slab } from "../base/slab.ts";
import type { SocketReads } from "./read-area.ts";
import { ReadArea } from "./read-area.ts";
import { SocketTransport } from "./socket-transport.ts";
import type { TransportOwner } from "./transport.ts";

const LIMIT_MS = 1000;
const SLAB_OCTETS = 524_288;
const WORD = Buffer.from("isobar reads by onread");

/** What came of the test. */
export interface OnreadSelfTest {
  /** How sockets are to be read. */
  readonly reads: SocketReads;
  /** Why not by `onread`; "" when it works. */
  readonly reason: string;
}

/**
 * Tries on a pair of sockets whether an accepted one can be read by `onread`, which takes a step that Node does not document and
 * may change: octets there, octets back, an orderly end. Takes a few milliseconds, one second at most; never rejects.
 */
export async function selfTestOnread(): Promise<OnreadSelfTest> {
  const slab = new Slab({ capacityOctets: SLAB_OCTETS, poison: false });
  const area = new ReadArea(slab, "onread");
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true });
  const { promise, resolve } = Promise.withResolvers<string>();
  const timer = setTimeout(() => resolve(`no answer within ${LIMIT_MS} ms`), LIMIT_MS);
  const opened: SocketTransport[] = [];

  server.on("error", (error) => resolve(error.message));
  server.on("connection", (socket) => {
    try {
      const accepted: SocketTransport = SocketTransport.accept(slab, area, socket, {
        ...SILENT,
        // What came is in the area: sending it back from there shows both directions.
        onRead: (length) => void accepted.write(area.offset, length),
        onEnd: () => accepted.end(LIMIT_MS),
      });
      opened.push(accepted);
    } catch (error) {
      resolve(String(error));
    }
  });
  server.listen(0, "127.0.0.1", () => {
    const { port } = server.address() as AddressInfo;
    const word = slab.alloc(WORD.length);
    WORD.copy(slab.bytes, word);
    let echoed = false;
    const client: SocketTransport = SocketTransport.connect(slab, area, "127.0.0.1", port, {
      ...SILENT,
      onConnected: () => void client.write(word, WORD.length),
      onRead: (length) => {
        echoed = area.buffer.subarray(0, length).equals(WORD);
        if (!echoed) resolve("what was echoed differs");
        client.end(LIMIT_MS);
      },
      onClose: (error) => resolve(error?.message ?? (echoed ? "" : "closed before the echo")),
    });
    opened.push(client);
  });

  const reason = await promise;
  clearTimeout(timer);
  for (const transport of opened) transport.destroy();
  server.close();
  return { reads: reason === "" ? "onread" : "data", reason };
}

const SILENT: TransportOwner = {
  onRead: () => {},
  onReleased: () => {},
  onConnected: () => {},
  onEnd: () => {},
  onClose: () => {},
};
