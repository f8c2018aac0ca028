/** A variable that a container gets. */
export interface ProxyVariable {
  readonly name: string;
  readonly value: string;
}

/** Kubelets put in the API server's address; of a name they do not know they leave the text as it is. */
const API_SERVER = "$(KUBERNETES_SERVICE_HOST)";
const LOCAL_HOSTS = ["localhost", "127.0.0.1", "::1"];
/** Where clouds tell machines about themselves. */
const METADATA_HOST = "169.254.169.254";

/**
 * What gRPC in each language takes a proxy's address from: C-core (Python, C++, Ruby, PHP) and grpc-js from `grpc_proxy`, Go from `HTTPS_PROXY`,
 * Java from properties. The last two also lead the process's other HTTPS here. What must not come by the proxy is excluded: the Pod itself, the API
 * server, and the cloud's metadata.
 *
 * @param door the node's address for callers, `ip:port`; IPv6 in brackets.
 * @param domain of the cluster's DNS names, such as `cluster.local`.
 */
export function proxyVariables(door: string, domain: string): readonly ProxyVariable[] {
  const colon = door.lastIndexOf(":");
  const [host, port] = [door.slice(0, colon), door.slice(colon + 1)];
  const apiNames = [
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    `kubernetes.default.svc.${domain}`,
  ];
  const excluded = [...LOCAL_HOSTS, METADATA_HOST, API_SERVER, ...apiNames];
  const url = `http://${door}`;
  const java = [
    `-Dhttps.proxyHost=${host.replace(/^\[|\]$/g, "")}`,
    `-Dhttps.proxyPort=${port}`,
    `-Dhttp.nonProxyHosts=localhost|127.*|[::1]|${METADATA_HOST}|${API_SERVER}|${apiNames.join("|")}`,
  ];
  return [
    { name: "grpc_proxy", value: url },
    { name: "HTTPS_PROXY", value: url },
    { name: "NO_PROXY", value: excluded.join(",") },
    { name: "no_proxy", value: excluded.join(",") },
    { name: "JAVA_TOOL_OPTIONS", value: java.join(" ") },
  ];
}
