/**
 * What a field means to the engine, found out once from its name, whatever form the name had on the wire. Kept beside
 * every dynamic table entry, so that an indexed field costs no look at its name.
 */
export const FieldRole = {
  ordinary: 0,
  method: 1,
  scheme: 2,
  path: 3,
  authority: 4,
  status: 5,
  host: 6,
  te: 7,
  contentType: 8,
  contentLength: 9,
  grpcTimeout: 10,
  grpcStatus: 11,
  grpcMessage: 12,
  /** Connection-specific fields, which HTTP/2 does not allow. Source: RFC 9113 §8.2.2. */
  connectionSpecific: 13,
  /** Credentials: never in a dynamic table of ours, never shared between connections. */
  sensitive: 14,
  /** An endpoint's report of its load (ORCA), as base64 of protobuf or as text. */
  loadReportBinary: 15,
  loadReportText: 16,
  /** A request's wish to be given that report. */
  loadReportFormat: 17,
  /** A request's wish to be told how it was picked for. It goes no further than here. */
  explain: 18,
  /** How long a client that retries is to wait, or that it is not to (gRFC A6). */
  retryPushback: 19,
  /** How often the request was sent before (gRFC A6): the proxy counts on. */
  previousAttempts: 20,
  /** Who calls, as this proxy says it to endpoints: what clients say of it themselves goes no further. */
  callerIdentity: 21,
  /** The trace that a request belongs to. Only its place is noted: who does not trace pays nothing for it. */
  traceparent: 22,
} as const;
export type FieldRole = (typeof FieldRole)[keyof typeof FieldRole];

/** Roles of which the value says a number (field-value.ts), a bit each: the values of others are not looked into. */
export const NUMBERED_ROLES: number =
  (1 << FieldRole.method) |
  (1 << FieldRole.scheme) |
  (1 << FieldRole.status) |
  (1 << FieldRole.te) |
  (1 << FieldRole.contentType) |
  (1 << FieldRole.contentLength) |
  (1 << FieldRole.grpcTimeout) |
  (1 << FieldRole.grpcStatus) |
  (1 << FieldRole.explain) |
  (1 << FieldRole.retryPushback) |
  (1 << FieldRole.previousAttempts);

/** The highest role that is a pseudo-header field. */
export const LAST_PSEUDO_ROLE = FieldRole.status;

/**
 * A name's *kind* is one small integer: the role in bits 0 to 7, the static table's first entry of that name (0: none) in
 * bits 8 to 15, and what is wrong with the field above.
 */
export const ROLE_MASK = 0xff;
export const STATIC_NAME_SHIFT = 8;
export const INVALID_NAME = 0x10000;
export const INVALID_VALUE = 0x20000;
export const INVALID_MASK = INVALID_NAME | INVALID_VALUE;
