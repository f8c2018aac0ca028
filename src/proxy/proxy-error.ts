import { GrpcStatus } from "../grpc/status.ts";
import { ResponseFlag } from "../telemetry/response-flag.ts";

/** One way a request can end that is not the endpoint's own answer. */
export interface ProxyError {
  /** Stable word for people and documentation. */
  readonly code: string;
  /** Who is at fault. */
  readonly source: "downstream" | "upstream" | "internal";
  /** Whether the same request may be sent again: never, or only because it was certainly not processed. */
  readonly retry: "never" | "if-unprocessed";
  /** What the client is told, when it can still be told. */
  readonly grpcStatus: number;
  readonly flag: ResponseFlag;
  /** What failed; the service, and details where there are any, follow it in the message. */
  readonly message: string;
  /** Tells clients that retry to wait about so long (`grpc-retry-pushback-ms`, gRFC A6). */
  readonly pushbackMs?: number;
}

/** Every error of our own: the answers to clients, the metrics' response flag and docs/errors.md come from here. */
export const PROXY_ERRORS = {
  noRoute: {
    code: "no_route",
    source: "downstream",
    retry: "never",
    // UNAVAILABLE would be retried for ever; the name is known not to exist.
    grpcStatus: GrpcStatus.unimplemented,
    flag: ResponseFlag.noRoute,
    message: "no cluster is configured for authority",
  },
  noMatch: {
    code: "no_match",
    source: "downstream",
    retry: "never",
    // Source: Gateway API, GRPCRoute: what no rule matches is answered as HTTP 404 is for gRPC.
    grpcStatus: GrpcStatus.unimplemented,
    flag: ResponseFlag.noRoute,
    message: "no route leads the request to a cluster, for authority",
  },
  authorityUnknownYet: {
    code: "authority_unknown_yet",
    source: "internal",
    retry: "if-unprocessed",
    grpcStatus: GrpcStatus.unavailable,
    flag: ResponseFlag.noRoute,
    message: "the control plane has not said in time where requests go for authority",
  },
  authorityOverflow: {
    code: "authority_overflow",
    source: "internal",
    retry: "if-unprocessed",
    grpcStatus: GrpcStatus.resourceExhausted,
    flag: ResponseFlag.noRoute,
    message: "too many requests wait for word of the control plane, and none is taken for authority",
  },
  noEndpoint: {
    code: "no_endpoint",
    source: "upstream",
    retry: "if-unprocessed",
    grpcStatus: GrpcStatus.unavailable,
    flag: ResponseFlag.noHealthyUpstream,
    message: "no endpoint of",
  },
  noLabelledEndpoint: {
    code: "no_labelled_endpoint",
    source: "downstream",
    retry: "if-unprocessed",
    grpcStatus: GrpcStatus.unavailable,
    flag: ResponseFlag.noHealthyUpstream,
    message: "no endpoint has the labels that the route asks for, of",
  },
  deniedByPolicy: {
    code: "denied_by_policy",
    source: "downstream",
    retry: "never",
    grpcStatus: GrpcStatus.permissionDenied,
    flag: ResponseFlag.noHealthyUpstream,
    message: "a NetworkPolicy, named in brackets, does not let the caller connect to any endpoint of",
  },
  connectFailure: {
    code: "connect_failure",
    source: "upstream",
    retry: "if-unprocessed",
    grpcStatus: GrpcStatus.unavailable,
    flag: ResponseFlag.upstreamConnectionFailure,
    message: "cannot connect to an endpoint of",
  },
  tlsUntrusted: {
    code: "tls_untrusted",
    source: "upstream",
    retry: "if-unprocessed",
    grpcStatus: GrpcStatus.unavailable,
    flag: ResponseFlag.upstreamConnectionFailure,
    message: "the certificate is from no trusted authority, of an endpoint of",
  },
  tlsExpired: {
    code: "tls_expired",
    source: "upstream",
    retry: "if-unprocessed",
    grpcStatus: GrpcStatus.unavailable,
    flag: ResponseFlag.upstreamConnectionFailure,
    message: "the certificate has expired or is not valid yet, of an endpoint of",
  },
  tlsName: {
    code: "tls_name",
    source: "upstream",
    retry: "if-unprocessed",
    grpcStatus: GrpcStatus.unavailable,
    flag: ResponseFlag.upstreamConnectionFailure,
    message: "the certificate is for other names, of an endpoint of",
  },
  tlsAlpn: {
    code: "tls_alpn",
    source: "upstream",
    retry: "if-unprocessed",
    grpcStatus: GrpcStatus.unavailable,
    flag: ResponseFlag.upstreamConnectionFailure,
    message: "TLS does not agree to HTTP/2 (ALPN h2), at an endpoint of",
  },
  tlsRejected: {
    code: "tls_rejected",
    source: "upstream",
    retry: "if-unprocessed",
    grpcStatus: GrpcStatus.unavailable,
    flag: ResponseFlag.upstreamConnectionFailure,
    message: "TLS was refused by an endpoint of",
  },
  tlsFailure: {
    code: "tls_failure",
    source: "upstream",
    retry: "if-unprocessed",
    grpcStatus: GrpcStatus.unavailable,
    flag: ResponseFlag.upstreamConnectionFailure,
    message: "no TLS connection came about with an endpoint of",
  },
  refused: {
    code: "refused",
    source: "upstream",
    retry: "if-unprocessed",
    grpcStatus: GrpcStatus.unavailable,
    flag: ResponseFlag.retryLimitExceeded,
    message: "endpoints refused the stream of",
  },
  overflow: {
    code: "overflow",
    source: "upstream",
    retry: "never",
    grpcStatus: GrpcStatus.resourceExhausted,
    flag: ResponseFlag.upstreamOverflow,
    message: "every endpoint is at its stream limit and the queue is full for",
  },
  requestLimit: {
    code: "request_limit",
    source: "upstream",
    retry: "if-unprocessed",
    grpcStatus: GrpcStatus.unavailable,
    flag: ResponseFlag.upstreamOverflow,
    message: "connectionPool.http.maxRequests is reached, in a call to",
  },
  perTryTimeout: {
    code: "per_try_timeout",
    source: "upstream",
    retry: "never",
    grpcStatus: GrpcStatus.unavailable,
    flag: ResponseFlag.upstreamRequestTimeout,
    message: "no answer began within retries.perTryTimeout, from endpoints of",
  },
  requestTimeout: {
    code: "request_timeout",
    source: "upstream",
    retry: "never",
    grpcStatus: GrpcStatus.deadlineExceeded,
    flag: ResponseFlag.upstreamRequestTimeout,
    message: "timeouts.request passed during the call to",
  },
  idleTimeout: {
    code: "idle_timeout",
    source: "upstream",
    retry: "never",
    grpcStatus: GrpcStatus.unavailable,
    flag: ResponseFlag.streamIdleTimeout,
    message: "nothing moved for timeouts.idle during the call to",
  },
  connectionLost: {
    code: "connection_lost",
    source: "upstream",
    retry: "never",
    grpcStatus: GrpcStatus.unavailable,
    flag: ResponseFlag.upstreamConnectionTermination,
    message: "connection lost during the call to",
  },
  upstreamReset: {
    code: "upstream_reset",
    source: "upstream",
    retry: "never",
    grpcStatus: GrpcStatus.internal,
    flag: ResponseFlag.upstreamReset,
    message: "stream reset by an endpoint of",
  },
  upstreamProtocol: {
    code: "upstream_protocol_error",
    source: "upstream",
    retry: "never",
    grpcStatus: GrpcStatus.internal,
    flag: ResponseFlag.upstreamProtocolError,
    message: "invalid HTTP/2 from an endpoint of",
  },
  requestTooLarge: {
    code: "request_headers_too_large",
    source: "downstream",
    retry: "never",
    grpcStatus: GrpcStatus.resourceExhausted,
    flag: ResponseFlag.downstreamProtocolError,
    message: "request headers are above the limit of",
  },
  bodyTooLarge: {
    code: "request_body_too_large",
    source: "downstream",
    retry: "never",
    grpcStatus: GrpcStatus.resourceExhausted,
    flag: ResponseFlag.downstreamProtocolError,
    message: "the request's body is above the limit of",
  },
  responseTooLarge: {
    code: "response_headers_too_large",
    source: "upstream",
    retry: "never",
    grpcStatus: GrpcStatus.internal,
    flag: ResponseFlag.upstreamProtocolError,
    message: "response headers are above the client's limit, from",
  },
  deadline: {
    code: "deadline",
    source: "downstream",
    retry: "never",
    grpcStatus: GrpcStatus.deadlineExceeded,
    flag: ResponseFlag.deadlineExceeded,
    message: "deadline passed during the call to",
  },
  cancelled: {
    code: "cancelled",
    source: "downstream",
    retry: "never",
    grpcStatus: GrpcStatus.cancelled,
    flag: ResponseFlag.downstreamReset,
    message: "cancelled by the client",
  },
  downstreamProtocol: {
    code: "downstream_protocol_error",
    source: "downstream",
    retry: "never",
    grpcStatus: GrpcStatus.internal,
    flag: ResponseFlag.downstreamProtocolError,
    message: "invalid HTTP/2 from the client",
  },
  overBudget: {
    code: "over_budget",
    source: "internal",
    retry: "never",
    grpcStatus: GrpcStatus.resourceExhausted,
    flag: ResponseFlag.overloadManager,
    message: "the proxy's memory budget is used up, during the call to",
  },
  overload: {
    code: "overload",
    source: "internal",
    retry: "if-unprocessed",
    grpcStatus: GrpcStatus.resourceExhausted,
    flag: ResponseFlag.overloadManager,
    message: "the proxy is short of memory and takes no new calls, such as this one to",
    pushbackMs: 1000,
  },
  draining: {
    code: "draining",
    source: "internal",
    retry: "if-unprocessed",
    grpcStatus: GrpcStatus.unavailable,
    flag: ResponseFlag.localReset,
    message: "the proxy is shutting down, during the call to",
    pushbackMs: 1000,
  },
} as const satisfies Record<string, ProxyError>;
