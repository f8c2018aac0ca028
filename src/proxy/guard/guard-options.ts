/** Limits of one worker, and how silent clients are looked after. From the configuration's `limits` and `keepalive`. */
export interface GuardOptions {
  /** Connections of all clients together. The last fifth is kept for callers that hold less than a twentieth of them. */
  readonly maxConnections: number;
  /** Connections of one caller. */
  readonly maxConnectionsPerCaller: number;
  /** Connections one caller may open each second, with four times as many at once. */
  readonly newConnectionsPerSecondPerCaller: number;
  /** How long the client preface with its SETTINGS may take, or whatever else a connection begins with. */
  readonly handshakeTimeoutMs: number;
  /** How long a header section, or any frame but DATA, may stay incomplete. */
  readonly requestHeadersTimeoutMs: number;
  /** How long a connection may have no stream before it is asked to go; 0: for ever. */
  readonly idleTimeoutMs: number;
  /** How old a connection may grow before it is asked to go, give or take 10 %; 0: for ever. */
  readonly maxConnectionAgeMs: number;
  /** How long a client with streams open may be silent before it is sent a PING; 0: none is sent. */
  readonly keepaliveTimeMs: number;
  /** How long it may take to answer. */
  readonly keepaliveTimeoutMs: number;
}

/** What the configuration has where the file says nothing, but for `maxConnections`, which comes from the system. */
export const GUARD_DEFAULTS: GuardOptions = {
  maxConnections: 65_536,
  maxConnectionsPerCaller: 4096,
  newConnectionsPerSecondPerCaller: 1000,
  handshakeTimeoutMs: 10_000,
  requestHeadersTimeoutMs: 10_000,
  idleTimeoutMs: 0,
  maxConnectionAgeMs: 0,
  keepaliveTimeMs: 120_000,
  keepaliveTimeoutMs: 60_000,
};
