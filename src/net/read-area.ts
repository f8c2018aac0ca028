import type { Slab } from "../base/slab.ts";

const HEADROOM_OCTETS = 32_768;
const READ_OCTETS = 65_536;

/** How sockets are read: by `onread` straight into the area, or by `data` events, whose octets are copied into it. */
export type SocketReads = "onread" | "data";

/**
 * The one place all sockets of a worker read into: libuv fills it and calls back before it reads for the next socket.
 * In front of it is room for the octets a connection carried over, so that parsing sees one range.
 */
export class ReadArea {
  /** Offset that socket reads land at. */
  readonly offset: number;
  /** What a socket's `onread` takes. */
  readonly buffer: Buffer;
  /** Octets of carry that fit in front. */
  readonly headroomOctets = HEADROOM_OCTETS;
  /** How new sockets are read. */
  reads: SocketReads;
  /** True while an owner looks at octets here: nobody else may put any. Kept by the transports. */
  inUse = false;

  constructor(slab: Slab, reads: SocketReads = "onread") {
    this.reads = reads;
    const block = slab.alloc(HEADROOM_OCTETS + READ_OCTETS);
    if (block === 0) throw new RangeError("octet budget too small for the read area");
    this.offset = block + HEADROOM_OCTETS;
    this.buffer = slab.bytes.subarray(this.offset, this.offset + READ_OCTETS);
  }
}
