/** Frame types by code, and the other way round: the test's own copy of RFC 9113 §6. */
const TYPES = [
  "DATA",
  "HEADERS",
  "PRIORITY",
  "RST_STREAM",
  "SETTINGS",
  "PUSH_PROMISE",
  "PING",
  "GOAWAY",
  "WINDOW_UPDATE",
  "CONTINUATION",
] as const;
type FrameName = (typeof TYPES)[number];

const ERRORS = [
  "NO_ERROR",
  "PROTOCOL_ERROR",
  "INTERNAL_ERROR",
  "FLOW_CONTROL_ERROR",
  "SETTINGS_TIMEOUT",
  "STREAM_CLOSED",
  "FRAME_SIZE_ERROR",
  "REFUSED_STREAM",
  "CANCEL",
  "COMPRESSION_ERROR",
  "CONNECT_ERROR",
  "ENHANCE_YOUR_CALM",
] as const;
export type ErrorName = (typeof ERRORS)[number];

const END_STREAM = 0x1;
const ACK = 0x1;
const END_HEADERS = 0x4;
const PADDED = 0x8;
const PRIORITY = 0x20;

export const PREFACE: Buffer = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

/** What HEADERS and DATA can carry besides their content. */
export interface FrameOptions {
  readonly end?: boolean;
  /** HEADERS and CONTINUATION: more fragments follow. */
  readonly more?: boolean;
  readonly padding?: number;
  /** HEADERS: the stream it depends on. */
  readonly dependsOn?: number;
}

/** A frame of any type. */
export function frame(type: number | FrameName, flags: number, id: number, payload: Uint8Array): Buffer {
  const code = typeof type === "number" ? type : TYPES.indexOf(type);
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = code;
  head[4] = flags;
  head.writeUInt32BE(id, 5);
  return Buffer.concat([head, payload]);
}

export function data(id: number, octets: Uint8Array | string, options: FrameOptions = {}): Buffer {
  const content = Buffer.from(octets as Uint8Array);
  const flags = (options.end ? END_STREAM : 0) | (options.padding === undefined ? 0 : PADDED);
  return frame("DATA", flags, id, padded(content, options.padding));
}

export function headers(id: number, block: Uint8Array, options: FrameOptions = {}): Buffer {
  const { end, more, padding, dependsOn } = options;
  const priority =
    dependsOn === undefined ? Buffer.alloc(0) : Buffer.concat([uint32(dependsOn), Buffer.of(15)]);
  const flags =
    (end ? END_STREAM : 0) |
    (more ? 0 : END_HEADERS) |
    (padding === undefined ? 0 : PADDED) |
    (dependsOn === undefined ? 0 : PRIORITY);
  return frame("HEADERS", flags, id, padded(Buffer.concat([priority, block]), padding));
}

export function continuation(id: number, block: Uint8Array, options: FrameOptions = {}): Buffer {
  return frame("CONTINUATION", options.more ? 0 : END_HEADERS, id, block);
}

export function priority(id: number, dependsOn: number): Buffer {
  return frame("PRIORITY", 0, id, Buffer.concat([uint32(dependsOn), Buffer.of(15)]));
}

export function reset(id: number, error: ErrorName): Buffer {
  return frame("RST_STREAM", 0, id, uint32(ERRORS.indexOf(error)));
}

export function settings(values: Readonly<Record<number, number>> = {}): Buffer {
  const entries = Object.entries(values).map(([key, value]) => {
    const entry = Buffer.alloc(6);
    entry.writeUInt16BE(Number(key));
    entry.writeUInt32BE(value, 2);
    return entry;
  });
  return frame("SETTINGS", 0, 0, Buffer.concat(entries));
}

export const SETTINGS_ACK: Buffer = frame("SETTINGS", ACK, 0, Buffer.alloc(0));

/** Parameters of SETTINGS. */
export const Parameter = {
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
} as const;

export function ping(payload: string, ack = false): Buffer {
  return frame("PING", ack ? ACK : 0, 0, Buffer.from(payload.padEnd(8), "latin1"));
}

export function goaway(lastId: number, error: ErrorName = "NO_ERROR"): Buffer {
  return frame("GOAWAY", 0, 0, Buffer.concat([uint32(lastId), uint32(ERRORS.indexOf(error))]));
}

export function windowUpdate(id: number, octets: number): Buffer {
  return frame("WINDOW_UPDATE", 0, id, uint32(octets));
}

/** A frame as it was read. */
export interface ReadFrame {
  readonly type: string;
  readonly flags: number;
  readonly id: number;
  readonly payload: Buffer;
  /** In one line, as tests compare it: see {@link summary}. */
  readonly text: string;
}

/** Splits octets into frames; the last one must be whole. */
export function readFrames(octets: Buffer): ReadFrame[] {
  const frames: ReadFrame[] = [];
  for (let at = 0; at < octets.length; ) {
    if (octets.length - at < 9) throw new Error("half a frame head");
    const length = octets.readUIntBE(at, 3);
    const payload = octets.subarray(at + 9, at + 9 + length);
    if (payload.length < length) throw new Error("half a frame");
    const type = TYPES[octets[at + 3]!] ?? `0x${octets[at + 3]!.toString(16)}`;
    const flags = octets[at + 4]!;
    const id = octets.readUInt32BE(at + 5);
    frames.push({ type, flags, id, payload, text: summary(type, flags, id, payload) });
    at += 9 + length;
  }
  return frames;
}

function summary(type: string, flags: number, id: number, payload: Buffer): string {
  const end = flags & END_STREAM ? " end" : "";
  switch (type) {
    case "DATA":
      return `DATA ${id} ${payload.length}${end}`;
    case "HEADERS":
      return `HEADERS ${id}${flags & END_HEADERS ? "" : " more"}${end}`;
    case "CONTINUATION":
      return `CONTINUATION ${id}${flags & END_HEADERS ? "" : " more"}`;
    case "RST_STREAM":
      return `RST_STREAM ${id} ${ERRORS[payload.readUInt32BE()]}`;
    case "SETTINGS":
      return flags & ACK ? "SETTINGS ACK" : "SETTINGS";
    case "PING":
      return flags & ACK ? `PING ACK ${payload.toString("latin1").trimEnd()}` : "PING";
    case "GOAWAY":
      return `GOAWAY ${payload.readUInt32BE()} ${ERRORS[payload.readUInt32BE(4)]}`;
    case "WINDOW_UPDATE":
      return `WINDOW_UPDATE ${id} ${payload.readUInt32BE()}`;
    default:
      return `${type} ${id}`;
  }
}

export function uint32(value: number): Buffer {
  const octets = Buffer.alloc(4);
  octets.writeUInt32BE(value);
  return octets;
}

/** @returns the name of an error code, as in RFC 9113 §7. */
export function errorName(code: number): string {
  return ERRORS[code] ?? String(code);
}

function padded(content: Buffer, padding: number | undefined): Buffer {
  if (padding === undefined) return content;
  return Buffer.concat([Buffer.of(padding), content, Buffer.alloc(padding)]);
}
