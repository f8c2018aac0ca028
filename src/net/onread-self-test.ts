import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { Slab } from "../base/slab.ts";
import type { SocketReads } from "./read-area.ts";
import { ReadArea } from "./read-area.ts";
import { SocketTransport } from "./socket-transport.ts";
import type { TransportOwner } from "./transport.ts";

/**
 * How long each try may take. A process that is short of processor time, or busy with loading its modules, may not even look at its
 * sockets within the first, and what is decided here holds for its whole life.
 */
const LIMITS_MS: readonly number[] = [1000, 1500, 2500];
/** How long the sockets of a try may take to say goodbye. */
const LINGER_MS = 1000;
const SLAB_OCTETS = 524_288;
const WORD = Buffer.from("isobar reads by onread");

/** What came of the test. */
export interface OnreadSelfTest {
  /** How sockets are to be read. */
  readonly reads: SocketReads;
  /** Why not by `onread`; "" when it works. */
  readonly reason: string;
}

/** What one try said; a failure that is `final` would come again. */
interface Try {
  readonly reason: string;
  readonly final: boolean;
}

/**
 * Tries on a pair of sockets whether an accepted one can be read by `onread`, which takes a step that Node does not document and
 * may change: octets there, octets back, an orderly end. Takes a few milliseconds, and five seconds where no answer comes
 * again and again; never rejects.
 *
 * @param limitsMs for each try; default: 1, 1.5 and 2.5 s.
 */
export async function selfTestOnread(limitsMs: readonly number[] = LIMITS_MS): Promise<OnreadSelfTest> {
  let reason = "";
  for (const limitMs of limitsMs) {
    const outcome = await tryOnread(limitMs);
    reason = outcome.reason;
    if (reason === "") return { reads: "onread", reason };
    if (outcome.final) break;
  }
  return { reads: "data", reason };
}

async function tryOnread(limitMs: number): Promise<Try> {
  const slab = new Slab({ capacityOctets: SLAB_OCTETS, poison: false });
  const area = new ReadArea(slab, "onread");
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true });
  const { promise, resolve } = Promise.withResolvers<Try>();
  const fail = (reason: string): void => resolve({ reason, final: false });
  const timer = setTimeout(() => fail(`no answer within ${limitMs} ms`), limitMs);
  const opened: SocketTransport[] = [];

  server.on("error", (error) => fail(error.message));
  server.on("connection", (socket) => {
    try {
      const accepted: SocketTransport = SocketTransport.accept(slab, area, socket, {
        ...SILENT,
        // What came is in the area: sending it back from there shows both directions.
        onRead: (length) => void accepted.write(area.offset, length),
        onEnd: () => accepted.end(LINGER_MS),
      });
      opened.push(accepted);
    } catch (error) {
      resolve({ reason: String(error), final: true });
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
        if (!echoed) resolve({ reason: "what was echoed differs", final: true });
        client.end(LINGER_MS);
      },
      onClose: (error) => fail(error?.message ?? (echoed ? "" : "closed before the echo")),
    });
    opened.push(client);
  });

  const outcome = await promise;
  clearTimeout(timer);
  for (const transport of opened) transport.destroy();
  server.close();
  return outcome;
}

const SILENT: TransportOwner = {
  onRead: () => {},
  onReleased: () => {},
  onConnected: () => {},
  onEnd: () => {},
  onClose: () => {},
};
