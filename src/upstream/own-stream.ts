/**
 * A stream of the proxy's own on a connection to an endpoint, beside those of clients: no exchange is behind it, it is in nobody's
 * in-flight count, and it must not keep the connection open.
 */
export interface OwnStream {
  /** Its slot in the engine; 0 once it has ended. */
  readonly slot: number;
  /** A header section or trailers. @param httpStatus 0 in trailers. @param grpcStatus -1 for none. */
  onHeaders(httpStatus: number, grpcStatus: number): void;
  /** Octets of its body, at `offset` of the slab. */
  onData(offset: number, length: number, endStream: boolean): void;
  /** It is over: ended, reset, or cut off with its connection. Told once. */
  onClosed(): void;
  /** Ends it: the connection takes no more streams. {@link onClosed} is told within the call, or has been. */
  cancel(): void;
}
