import { ClusterColumn } from "../telemetry/cluster-counters.ts";
import { ConnectFailure, connectFailureOf } from "../upstream/connect-failure.ts";
import type { ClusterRuntime } from "./cluster-runtime.ts";
import type { ProxyContext } from "./proxy-context.ts";
import { PROXY_ERRORS } from "./proxy-error.ts";

/** The error by which each kind of failure is told. */
export const ERROR_OF_FAILURE = {
  [ConnectFailure.transport]: PROXY_ERRORS.connectFailure,
  [ConnectFailure.untrusted]: PROXY_ERRORS.tlsUntrusted,
  [ConnectFailure.expired]: PROXY_ERRORS.tlsExpired,
  [ConnectFailure.name]: PROXY_ERRORS.tlsName,
  [ConnectFailure.alpn]: PROXY_ERRORS.tlsAlpn,
  [ConnectFailure.rejected]: PROXY_ERRORS.tlsRejected,
  [ConnectFailure.tls]: PROXY_ERRORS.tlsFailure,
} as const;

/**
 * Counts that an endpoint of the cluster could not be connected to, and tells why if that was TLS's doing.
 *
 * @param error what the transport was closed with; undefined when its time was up.
 */
export function noteConnectFailure(
  context: ProxyContext,
  cluster: ClusterRuntime,
  { address, port }: { readonly address: string; readonly port: number },
  error: Error | undefined,
): void {
  cluster.row[ClusterColumn.upstreamConnectFailures]!++;
  const failure = connectFailureOf(error);
  if (failure === ConnectFailure.transport) return;
  cluster.row[ClusterColumn.upstreamTlsFailures + failure - 1]!++;
  context.onTlsFailure({
    cluster: cluster.snapshot.name,
    endpoint: `${address}:${port}`,
    reason: ERROR_OF_FAILURE[failure].code,
    detail: error?.message ?? "",
  });
}
