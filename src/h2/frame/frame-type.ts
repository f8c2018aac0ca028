/** Frame types. Source: RFC 9113 §6. Types not listed are ignored (§5.5). */
export const FrameType = {
  data: 0x0,
  headers: 0x1,
  priority: 0x2,
  rstStream: 0x3,
  settings: 0x4,
  pushPromise: 0x5,
  ping: 0x6,
  goaway: 0x7,
  windowUpdate: 0x8,
  continuation: 0x9,
} as const;

/** Flags of frames. Source: RFC 9113 §6. */
export const FrameFlag = {
  endStream: 0x1,
  ack: 0x1,
  endHeaders: 0x4,
  padded: 0x8,
  priority: 0x20,
} as const;

/** Octets of the head every frame starts with (RFC 9113 §4.1). */
export const FRAME_HEAD_OCTETS = 9;
/** The largest payload every peer must accept, and the most we announce (RFC 9113 §4.2). */
export const DEFAULT_MAX_FRAME_OCTETS = 16_384;
/** Flow-control window of streams and connections before any SETTINGS or WINDOW_UPDATE (RFC 9113 §6.9.2). */
export const DEFAULT_WINDOW_OCTETS = 65_535;
/** The largest window a peer may grant (RFC 9113 §6.9.1). */
export const MAX_WINDOW_OCTETS = 2 ** 31 - 1;
