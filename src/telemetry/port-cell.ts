/** Why a connection was closed before it came to anything, as added to {@link PortCell.refused}. */
export const PortRefusal = {
  /** It came from outside the listener's source ranges. */
  source: 0,
  /** It said nothing, and nothing says what it is for. */
  silent: 1,
  /** It speaks none of the protocols that name a service, and its listener has no cluster. */
  unknownProtocol: 2,
  /** No cluster has the host it asks for, or its listener's cluster is not there. */
  noCluster: 3,
  /** The cluster has no endpoint. */
  noEndpoint: 4,
  /** No endpoint could be connected to. */
  connectFailure: 5,
  /** What it began with is not valid: a ClientHello, or the head of a request. */
  malformed: 6,
  /** What it began with was not whole in time. */
  headTimeout: 7,
  /** The octet budget has no room for it. */
  overBudget: 8,
  /** HTTP/1.1 was to be handled, and the part that does could not be loaded. */
  http1Unavailable: 9,
  /** Captured traffic is for pods of this node, and it came from none of them. */
  unknownCaller: 10,
  /** What it came to belongs to no service that is captured, or to nobody who may come there. */
  notCaptured: 11,
} as const;
export type PortRefusal = (typeof PortRefusal)[keyof typeof PortRefusal];

/** Label value by refusal. */
export const PORT_REFUSAL_NAMES = [
  "source_range",
  "silent",
  "unknown_protocol",
  "no_cluster",
  "no_endpoint",
  "connect_failure",
  "malformed",
  "head_timeout",
  "over_budget",
  "http1_unavailable",
  "unknown_caller",
  "not_captured",
] as const;

/** What became of a CONNECT request, as added to {@link PortCell.tunnels}. */
export const TunnelResult = {
  /** Its target is a cluster. */
  cluster: 0,
  /** Its target is another one, and the listener allows it. */
  allowed: 1,
  /** The listener does not allow the target. */
  notAllowed: 2,
  /** The target is the node's own affair: loopback, link-local, metadata, multicast, reserved, unspecified. */
  forbidden: 3,
  /** The target is an address of this node. */
  ownAddress: 4,
  /** The target is in the listener's denied ranges. */
  deniedRange: 5,
  /** The target is not `host:port`, or the request is not valid. */
  malformed: 6,
  /** The name has no address. */
  unresolved: 7,
  /** As many names are being looked up as may be. */
  busy: 8,
  /** The target is allowed and could not be connected to. */
  unreachable: 9,
} as const;
export type TunnelResult = (typeof TunnelResult)[keyof typeof TunnelResult];

/** Label value by result. */
export const TUNNEL_RESULT_NAMES = [
  "cluster",
  "allowed",
  "not_allowed",
  "forbidden_address",
  "own_address",
  "denied_range",
  "malformed",
  "unresolved",
  "busy",
  "unreachable",
] as const;

/** Cells of a worker's row about what arrives on its listeners, from {@link WorkerColumn.port} on. */
export const PortCell = {
  /** + PortRefusal, 16 cells reserved. */
  refused: 0,
  /** + TunnelResult, 14 cells reserved. */
  tunnels: 16,
  /** Times a connection could not be accepted. */
  acceptErrors: 30,
} as const;

/** Cells reserved. */
export const PORT_CELLS = 32;
