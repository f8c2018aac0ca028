import type { ClusterSnapshot } from "../resource/cluster-snapshot.ts";
import type { GrpcWebMediaType } from "./grpc-web-media-type.ts";
import type { RequestHead } from "./request-head.ts";

/** How a request goes on. */
export const Way = {
  /** As gRPC over HTTP/2. */
  grpcWeb: 0,
  http2: 1,
  http1: 2,
  /** HTTP/2 or HTTP/1.1, as the picked endpoint says by ALPN. */
  byAlpn: 3,
  /** Nothing here can answer it. */
  none: 4,
} as const;
export type Way = (typeof Way)[keyof typeof Way];

/**
 * What a cluster's protocol and `h2UpgradePolicy` make of a request. gRPC-Web is translated where endpoints speak HTTP/2; endpoints of
 * HTTP/1.1 get it as it is, because they may well understand it. With TLS, DEFAULT is UPGRADE: the client's octets could not be passed on
 * as they are. In clear text a plain request with DEFAULT is here only because its connection carried another request that had to
 * be looked into.
 *
 * @param asItCame the connection would have been passed on octet by octet, and is here only for its caller to be named: what DEFAULT means then.
 */
export function wayOf(
  cluster: Pick<ClusterSnapshot, "protocol" | "h2UpgradePolicy" | "tlsIdentity">,
  head: RequestHead,
  grpcWeb: GrpcWebMediaType | undefined,
  asItCame: boolean = false,
): Way {
  const { protocol, h2UpgradePolicy, tlsIdentity } = cluster;
  if (protocol === "tcp") return Way.none;
  if (grpcWeb !== undefined && protocol === "http2" && head.method === "POST") return Way.grpcWeb;
  if (h2UpgradePolicy === "DO_NOT_UPGRADE" || protocol === "http1") {
    const asks = h2UpgradePolicy === "UPGRADE" && tlsIdentity !== 0 && head.upgrade !== "websocket";
    return asks ? Way.byAlpn : Way.http1;
  }
  if (tlsIdentity !== 0) return head.upgrade === "websocket" ? Way.http1 : Way.byAlpn;
  if (asItCame && h2UpgradePolicy === "DEFAULT") return Way.http1;
  return h2UpgradePolicy === "DEFAULT" || head.upgrade === "websocket" ? Way.none : Way.http2;
}
