/** What a client of HTTP/1.1 at L7 may use. */
export interface Http1Limits {
  /** Connections of one worker; the next one is answered with 503. */
  readonly maxConnections: number;
  /** Request line and fields together, in octets; more is 431. Below what endpoints of HTTP/2 are told to expect. */
  readonly maxHeadOctets: number;
  /** Fields of a head, and of trailers; more is 431. */
  readonly maxFields: number;
  /** From the first octet of a head to its last; 408 afterwards. */
  readonly headTimeoutMs: number;
  /** Without a request on a connection; it is closed afterwards. */
  readonly idleTimeoutMs: number;
  /** Without an octet in either direction during a request; the connection is closed afterwards, or 408 or 504 where it can be said. */
  readonly streamIdleTimeoutMs: number;
  /** From the request's last octet to the first of its response; 504 afterwards. gRPC-Web has its own deadlines. */
  readonly responseTimeoutMs: number;
  /** Connections to one endpoint that speaks HTTP/1.1; requests beyond them wait, `responseTimeoutMs` at most. */
  readonly maxConnectionsPerEndpoint: number;
  /** Of these, how many are kept for later when nothing needs them, and how long. */
  readonly maxFreeConnectionsPerEndpoint: number;
  readonly freeConnectionMs: number;
}

/** Limits in force. Timeouts are Envoy's defaults where it has one, connections what a node's pods may hold. */
export const HTTP1_LIMITS: Http1Limits = {
  maxConnections: 4096,
  maxHeadOctets: 24_576,
  maxFields: 100,
  headTimeoutMs: 10_000,
  idleTimeoutMs: 60_000,
  streamIdleTimeoutMs: 300_000,
  responseTimeoutMs: 60_000,
  maxConnectionsPerEndpoint: 256,
  maxFreeConnectionsPerEndpoint: 8,
  freeConnectionMs: 4000,
};
