/** What a header section is, which decides the rules it is validated by (RFC 9113 §8.1 to §8.3). */
export const BlockKind = {
  /** Requests as a server gets them: `:method`, `:scheme`, `:path`, `:authority`. */
  request: 0,
  /** Responses as a client gets them, final or informational: `:status`. */
  response: 1,
  /** Trailers of either direction: no pseudo-header fields. */
  trailers: 2,
} as const;
export type BlockKind = (typeof BlockKind)[keyof typeof BlockKind];
