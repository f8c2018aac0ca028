/**
 * What an xDS client is, as far as resources differ: one of ours, an Envoy, or gRPC itself ("proxyless"). What one of them cannot use
 * another may need, and gRPC and Envoy each refuse resources that the other accepts.
 */
export const CLIENT_KINDS = ["isobar", "envoy", "grpc"] as const;

/** One of {@link CLIENT_KINDS}. */
export type ClientKind = (typeof CLIENT_KINDS)[number];

/** What proxies of ours send as `user_agent_name`. */
export const ISOBAR_USER_AGENT = "isobar";

/** What programs send that have the client of ours within them: they understand the same, and are no proxies. */
export const ISOBAR_CLIENT_USER_AGENT = "isobar-client";

/**
 * @param userAgentName `node.user_agent_name` of the first request: `isobar`, `isobar-client`, `envoy`, `gRPC Go`, `gRPC C-core …`.
 * @returns the kind; whoever is not known is given what every gRPC client accepts.
 */
export function clientKindOf(userAgentName: string): ClientKind {
  if (userAgentName === ISOBAR_USER_AGENT || userAgentName === ISOBAR_CLIENT_USER_AGENT) return "isobar";
  return userAgentName.toLowerCase().startsWith("envoy") ? "envoy" : "grpc";
}
