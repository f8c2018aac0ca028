import type { Duplex } from "node:stream";
import type { Slab } from "../base/slab.ts";
import type { ReadArea } from "./read-area.ts";
import { StreamTransport } from "./stream-transport.ts";
import type { TransportOwner } from "./transport.ts";

const TRAITS = { dataEvents: true, foreign: true } as const;

/**
 * Any `stream.Duplex` as a transport: what an HTTP/1.1 server handed over, or one end of `stream.duplexPair()` in memory. What is
 * written is copied, because such a stream may keep it.
 */
export class DuplexTransport extends StreamTransport {
  constructor(slab: Slab, area: ReadArea, duplex: Duplex, owner: TransportOwner) {
    super(slab, area, duplex, owner, TRAITS);
  }
}
