/** What the engine answers for, what belongs to one connection (RFC 9113 §8.2.2), and what makes a call gRPC. */
const FIXED = new Set([
  "connection",
  "content-length",
  "content-type",
  "expect",
  "host",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  // Who calls is nobody's to say but the proxy's.
  "x-isobar-caller",
]);

/** @param name in lower case. @returns whether a route may set, add or remove the header. */
export function isChangeableHeader(name: string): boolean {
  return !name.startsWith(":") && !name.startsWith("grpc-") && !FIXED.has(name);
}
