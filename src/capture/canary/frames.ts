/** Types of HTTP/2 frames that the canary has to do with (RFC 9113 §6). */
export const FrameType = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

/** Flags of frames; ACK and END_STREAM are one bit. */
export const Flag = { ack: 1, endStream: 1, endHeaders: 4, padded: 8, priority: 32 } as const;

/** What a client says first. */
export const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const HEAD_OCTETS = 9;
/** Frames are at most this long, since nobody was told otherwise (RFC 9113 §4.2). */
const MOST_OCTETS = 16_384;

/** One frame; the payload is without padding and priority. */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** Writes a frame. */
export function writeFrame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const frame = Buffer.alloc(HEAD_OCTETS + payload.length);
  frame.writeUIntBE(payload.length, 0, 3);
  frame[3] = type;
  frame[4] = flags;
  frame.writeUInt32BE(stream, 5);
  frame.set(payload, HEAD_OCTETS);
  return frame;
}

/** Writes a block of literal fields that refer to no table; names and values are shorter than 127 octets. */
export function writeFields(fields: Iterable<readonly [string, string]>): Buffer {
  const parts: Buffer[] = [];
  for (const [name, value] of fields)
    parts.push(
      Buffer.of(0, name.length),
      Buffer.from(name, "latin1"),
      Buffer.of(value.length),
      Buffer.from(value, "latin1"),
    );
  return Buffer.concat(parts);
}

/** Cuts what a socket brings into frames. Keeps at most one frame that is not whole yet. */
export class FrameCutter {
  #rest: Buffer = Buffer.alloc(0);

  /** @returns the frames that are whole now, or undefined when the peer does not keep to the protocol. */
  cut(chunk: Buffer): Frame[] | undefined {
    let rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const frames: Frame[] = [];
    while (rest.length >= HEAD_OCTETS) {
      const length = rest.readUIntBE(0, 3);
      if (length > MOST_OCTETS) return undefined;
      if (rest.length < HEAD_OCTETS + length) break;
      const [type, flags, stream] = [rest[3]!, rest[4]!, rest.readUInt32BE(5) & 0x7fffffff];
      const payload = bare(type, flags, rest.subarray(HEAD_OCTETS, HEAD_OCTETS + length));
      if (payload === undefined) return undefined;
      frames.push({ type, flags, stream, payload });
      rest = rest.subarray(HEAD_OCTETS + length);
    }
    this.#rest = rest;
    return frames;
  }
}

function bare(type: number, flags: number, payload: Buffer): Buffer | undefined {
  if (type !== FrameType.data && type !== FrameType.headers) return payload;
  const isPadded = (flags & Flag.padded) !== 0;
  const padding = isPadded ? (payload[0] ?? 0) : 0;
  const start = (isPadded ? 1 : 0) + (type === FrameType.headers && (flags & Flag.priority) !== 0 ? 5 : 0);
  return start + padding > payload.length ? undefined : payload.subarray(start, payload.length - padding);
}
