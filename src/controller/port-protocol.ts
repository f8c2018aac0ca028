import type { ServicePort } from "../kube/objects/service-object.ts";
import type { ClusterProtocol } from "../resource/cluster.ts";

/** By `appProtocol`, without its case. Source: Kubernetes, KEP-3726 standard application protocols, and what Istio documents. */
const BY_APP_PROTOCOL: Readonly<Record<string, ClusterProtocol>> = {
  "kubernetes.io/h2c": "http2",
  grpc: "http2",
  "grpc-web": "http2",
  h2c: "http2",
  http2: "http2",
  http: "http1",
  "kubernetes.io/ws": "http1",
  https: "tcp",
  tls: "tcp",
  "kubernetes.io/wss": "tcp",
  tcp: "tcp",
  mongo: "tcp",
  mysql: "tcp",
  redis: "tcp",
};

/** By the beginning of a port's name, up to the first dash: `grpc-web`, `http-metrics`. Source: Istio, protocol selection. */
const BY_NAME: Readonly<Record<string, ClusterProtocol>> = {
  grpc: "http2",
  http2: "http2",
  h2c: "http2",
  http: "http1",
  https: "tcp",
  tls: "tcp",
  tcp: "tcp",
};

/**
 * What is spoken on a Service's port: as `appProtocol` says, else as the port's name begins, else HTTP/2, which is what is balanced here.
 *
 * @param sliceAppProtocol what EndpointSlices say of it; "" for nothing.
 */
export function portProtocol(
  { appProtocol, name }: Pick<ServicePort, "appProtocol" | "name">,
  sliceAppProtocol = "",
): ClusterProtocol {
  const said = appProtocol || sliceAppProtocol;
  return BY_APP_PROTOCOL[said.toLowerCase()] ?? BY_NAME[name.split("-")[0]!.toLowerCase()] ?? "http2";
}
