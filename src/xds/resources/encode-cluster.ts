import type { MessageInitShape } from "@bufbuild/protobuf";
import { create, toBinary } from "@bufbuild/protobuf";
import type { Cluster } from "../../resource/cluster.ts";
import type { HealthCheck } from "../../resource/health-check.ts";
import type { OutlierDetection } from "../../resource/outlier-detection.ts";
import { Cluster_DiscoveryType, ClusterSchema } from "../generated/envoy/config/cluster/v3/cluster_pb.js";
import { HttpProtocolOptionsSchema } from "../generated/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js";
import type { ClientKind } from "./client-kind.ts";
import { encodeBalancing } from "./encode-balancing.ts";
import { duration, FROM_THIS_STREAM, pack } from "./pack.ts";
import { ISOBAR_METADATA } from "./type-url.ts";

type ClusterInit = MessageInitShape<typeof ClusterSchema>;

/** Load of the cluster is reported to whoever the cluster came from. */
const FROM_THIS_SERVER = { configSourceSpecifier: { case: "self", value: {} } } as const;
/** Envoy and gRPC limit what nobody limited to 1,024; this is "no limit". */
const NO_LIMIT = 0xffffffff;

/**
 * Encodes what a cluster is, all but its endpoints, as envoy.config.cluster.v3.Cluster. What the standard fields cannot say proxies of ours
 * are told by metadata (`isobar`): the whole settings as JSON, and what belongs to connections.
 *
 * @returns the message's octets.
 */
export function encodeCluster(cluster: Cluster, kind: ClientKind): Uint8Array {
  const { settings } = cluster;
  const init: ClusterInit = {
    name: cluster.name,
    clusterDiscoveryType: { case: "type", value: Cluster_DiscoveryType.EDS },
    edsClusterConfig: { edsConfig: FROM_THIS_STREAM },
    connectTimeout: duration(cluster.connectTimeoutMs),
    circuitBreakers: circuitBreakers(cluster),
    ...encodeBalancing(settings.loadBalancing, kind),
  };
  if (settings.outlierDetection !== null) init.outlierDetection = outlierDetection(settings.outlierDetection);
  // Source: gRFC A27. Envoy reports where its bootstrap says so.
  if (kind !== "envoy") init.lrsServer = FROM_THIS_SERVER;
  if (kind !== "grpc") {
    Object.assign(init, connectionFields(cluster));
    // Envoy refuses a cluster whose health is asked for by gRPC and whose endpoints do not speak HTTP/2.
    const canCheck = settings.healthCheck?.probe.kind !== "grpc" || cluster.protocol === "http2";
    if (settings.healthCheck !== null && canCheck) init.healthChecks = [healthCheck(settings.healthCheck)];
    const { panicThreshold } = settings.loadBalancing.locality;
    init.commonLbConfig = { healthyPanicThreshold: { value: panicThreshold * 100 } };
  }
  if (kind === "isobar") init.metadata = { filterMetadata: { [ISOBAR_METADATA]: ownFields(cluster) } };
  return toBinary(ClusterSchema, create(ClusterSchema, init));
}

function ownFields(cluster: Cluster) {
  const {
    name: _name,
    endpoints: _endpoints,
    tlsIdentity: _identity,
    tls: _tls,
    settings,
    ...fields
  } = cluster;
  return { ...fields, settings: JSON.stringify(settings) };
}

function circuitBreakers({ settings: { circuit, retryBudget }, maxPendingStreams }: Cluster) {
  return {
    thresholds: [
      {
        maxConnections: NO_LIMIT,
        maxPendingRequests: maxPendingStreams,
        maxRequests: circuit.maxRequests === 0 ? NO_LIMIT : circuit.maxRequests,
        retryBudget: {
          budgetPercent: { value: retryBudget.share * 100 },
          minRetryConcurrency: Math.max(1, Math.round(retryBudget.minPerSecond)),
        },
      },
    ],
  };
}

/** What Envoy has to know to speak to the endpoints. */
function connectionFields({
  protocol,
  keepaliveTimeMs,
  keepaliveTimeoutMs,
  settings,
}: Cluster): Partial<ClusterInit> {
  if (protocol !== "http2") return {};
  const keepalive =
    keepaliveTimeMs === 0
      ? {}
      : {
          connectionKeepalive: { interval: duration(keepaliveTimeMs), timeout: duration(keepaliveTimeoutMs) },
        };
  const { maxRequestsPerConnection } = settings.circuit;
  const options = pack(HttpProtocolOptionsSchema, {
    ...(maxRequestsPerConnection === 0
      ? {}
      : { commonHttpProtocolOptions: { maxRequestsPerConnection: maxRequestsPerConnection } }),
    upstreamProtocolOptions: {
      case: "explicitHttpConfig",
      value: { protocolConfig: { case: "http2ProtocolOptions", value: keepalive } },
    },
  });
  return { typedExtensionProtocolOptions: { [HttpProtocolOptionsSchema.typeName]: options } };
}

/** Rates that are off are enforced at 0 %: left out, they would be at Envoy's defaults. */
function outlierDetection(outliers: OutlierDetection): NonNullable<ClusterInit["outlierDetection"]> {
  return {
    interval: duration(outliers.intervalMs),
    baseEjectionTime: duration(outliers.baseEjectionMs),
    maxEjectionTime: duration(outliers.maxEjectionMs),
    maxEjectionPercent: Math.round(outliers.maxEjectionShare * 100),
    consecutive5xx: Math.max(1, outliers.consecutiveFailures),
    enforcingConsecutive5xx: outliers.consecutiveFailures === 0 ? 0 : 100,
    enforcingConsecutiveGatewayFailure: 0,
    successRateStdevFactor: Math.round(outliers.successRateStdevFactor * 1_000),
    enforcingSuccessRate: outliers.successRateStdevFactor === 0 ? 0 : 100,
    successRateMinimumHosts: outliers.successRateMinHosts,
    successRateRequestVolume: outliers.successRateMinRequests,
    failurePercentageThreshold: Math.round(outliers.failureShare * 100),
    enforcingFailurePercentage: outliers.failureShare === 0 ? 0 : 100,
    failurePercentageMinimumHosts: outliers.failureMinHosts,
    failurePercentageRequestVolume: outliers.failureMinRequests,
  };
}

function healthCheck(check: HealthCheck): NonNullable<ClusterInit["healthChecks"]>[number] {
  const { probe } = check;
  return {
    interval: duration(check.intervalMs),
    timeout: duration(check.timeoutMs),
    unhealthyThreshold: check.unhealthyThreshold,
    healthyThreshold: check.healthyThreshold,
    healthChecker:
      probe.kind === "grpc"
        ? { case: "grpcHealthCheck", value: { serviceName: probe.service } }
        : probe.kind === "http"
          ? { case: "httpHealthCheck", value: { path: probe.path } }
          : { case: "tcpHealthCheck", value: {} },
  };
}
