import { fromBinary, toBinary } from "@bufbuild/protobuf";
import type { Cluster, ClusterProtocol, H2UpgradePolicy } from "../../resource/cluster.ts";
import { CLUSTER_DEFAULTS, CLUSTER_PROTOCOLS, H2_UPGRADE_POLICIES } from "../../resource/cluster.ts";
import { clusterSettings } from "../../resource/cluster-settings.ts";
import type { NamedTls } from "../../resource/cluster-tls.ts";
import { tlsKey, tlsNumber } from "../../resource/cluster-tls.ts";
import { sharedSettings } from "../../resource/shared-settings.ts";
import type { Cluster as ClusterMessage } from "../generated/envoy/config/cluster/v3/cluster_pb.js";
import { Cluster_DiscoveryType, ClusterSchema } from "../generated/envoy/config/cluster/v3/cluster_pb.js";
import { ClusterLoadAssignmentSchema } from "../generated/envoy/config/endpoint/v3/endpoint_pb.js";
import { decodeDuration } from "./decode-duration.ts";
import { decodeLoadAssignment } from "./decode-load-assignment.ts";
import { decodeLoadBalancing } from "./decode-load-balancing.ts";
import { decodeCircuit, decodeHealthCheck, decodeOutlierDetection } from "./decode-protection.ts";
import { decodeUpstreamTls } from "./decode-upstream-tls.ts";
import { decodeOwnSettings } from "./own-settings.ts";
import type { Decoded } from "./resource-problem.ts";
import { decodeGuarded, ResourceProblem } from "./resource-problem.ts";
import { number, oneOf } from "./shape.ts";
import { ISOBAR_METADATA } from "./type-url.ts";
import type { ClusterResource } from "./xds-resource.ts";

/** Field numbers of Cluster that the generated code does not know, and that would change whom we talk to. */
const TRANSPORT_SOCKET_MATCHES = 43;
const MAX_NAME_LENGTH = 1024;

/** Decodes an envoy.config.cluster.v3.Cluster: standard fields first; what a control plane of ours sends beside them counts instead. */
export function decodeCluster(octets: Uint8Array): Decoded<ClusterResource> {
  return decodeGuarded("Cluster", () => {
    const message = fromBinary(ClusterSchema, octets);
    const { name } = message;
    if (name === "" || name.length > MAX_NAME_LENGTH) {
      throw new ResourceProblem(
        "name",
        name === "" ? "none" : `${name.length} characters`,
        `1 to ${MAX_NAME_LENGTH}`,
      );
    }
    const tls = decodeTransport(message);
    const { assignmentName, assignment } = decodeSource(message);
    const own = message.metadata?.filterMetadata[ISOBAR_METADATA];
    const settings = own?.["settings"];
    const balancing = settings === undefined ? decodeLoadBalancing(message) : undefined;
    const { circuit, maxPendingStreams } = decodeCircuit(
      message.circuitBreakers,
      message.maxRequestsPerConnection,
    );
    const cluster: Omit<Cluster, "endpoints"> = {
      ...CLUSTER_DEFAULTS,
      name,
      ...(tls === undefined ? undefined : { tls, tlsIdentity: tlsNumber(tlsKey(tls)) }),
      connectTimeoutMs: Math.max(
        1,
        decodeDuration(message.connectTimeout, CLUSTER_DEFAULTS.connectTimeoutMs),
      ),
      maxPendingStreams: maxPendingStreams ?? CLUSTER_DEFAULTS.maxPendingStreams,
      settings:
        balancing === undefined
          ? decodeOwnSettings(settings, "metadata.isobar.settings")
          : clusterSettings({
              loadBalancing: balancing.loadBalancing,
              outlierDetection: decodeOutlierDetection(message.outlierDetection),
              healthCheck: decodeHealthCheck(message.healthChecks),
              circuit,
            }),
      ...(own === undefined ? {} : ownFields(own)),
    };
    return {
      name,
      cluster: { ...cluster, settings: sharedSettings(JSON.stringify(cluster.settings)) },
      assignmentName,
      assignment,
      weighsLocalities: balancing?.weighsLocalities ?? false,
      reportsLoad: message.lrsServer?.configSourceSpecifier.case === "self",
    };
  });
}

/** Clear text is never spoken where TLS is asked for. */
function decodeTransport({ transportSocket, $unknown }: ClusterMessage): NamedTls | undefined {
  const name = transportSocket?.name ?? "";
  const type = (transportSocket?.configType.value?.typeUrl ?? "").split(".").at(-1) ?? "";
  const isPlain = transportSocket === undefined || name.endsWith("raw_buffer") || type === "RawBuffer";
  const isTls = type === "UpstreamTlsContext";
  if (!isPlain && !isTls) {
    throw new ResourceProblem("transport_socket", type || name, "UpstreamTlsContext, RawBuffer or none");
  }
  if ($unknown?.some(({ no }) => no === TRANSPORT_SOCKET_MATCHES) === true) {
    throw new ResourceProblem("transport_socket_matches", "some", "none");
  }
  return isTls ? decodeUpstreamTls(transportSocket!.configType.value!.value) : undefined;
}

function decodeSource(message: ClusterMessage): Pick<ClusterResource, "assignmentName" | "assignment"> {
  const { clusterDiscoveryType: type, edsClusterConfig, loadAssignment } = message;
  if (type.case === "clusterType") {
    throw new ResourceProblem("cluster_type", type.value.name, "type EDS or STATIC");
  }
  if (type.value === Cluster_DiscoveryType.EDS) {
    return { assignmentName: edsClusterConfig?.serviceName || message.name, assignment: undefined };
  }
  if (type.value !== undefined && type.value !== Cluster_DiscoveryType.STATIC) {
    throw new ResourceProblem(
      "type",
      Cluster_DiscoveryType[type.value] ?? String(type.value),
      "EDS or STATIC",
    );
  }
  if (loadAssignment === undefined)
    throw new ResourceProblem("load_assignment", "none", "one, with type STATIC");
  const { value, problem } = decodeLoadAssignment(
    toBinary(ClusterLoadAssignmentSchema, {
      ...loadAssignment,
      clusterName: loadAssignment.clusterName || message.name,
    }),
  );
  if (value === undefined) throw new ResourceProblem("load_assignment", problem, "endpoints");
  return { assignmentName: "", assignment: value };
}

const OWN_FIELDS = {
  protocol: oneOf(CLUSTER_PROTOCOLS),
  h2UpgradePolicy: oneOf(H2_UPGRADE_POLICIES),
  connectTimeoutMs: number(1, 2 ** 31 - 1),
  maxConnectionsPerEndpoint: number(1, 1_000),
  maxPendingStreams: number(0, 2 ** 31 - 1),
  keepaliveTimeMs: number(0, 2 ** 31 - 1),
  keepaliveTimeoutMs: number(1, 2 ** 31 - 1),
} as const;

interface OwnFields {
  protocol: ClusterProtocol;
  h2UpgradePolicy: H2UpgradePolicy;
  connectTimeoutMs: number;
  maxConnectionsPerEndpoint: number;
  maxPendingStreams: number;
  keepaliveTimeMs: number;
  keepaliveTimeoutMs: number;
}

function ownFields(own: Readonly<Record<string, unknown>>): Partial<OwnFields> {
  const fields: Record<string, unknown> = {};
  for (const [key, shape] of Object.entries(OWN_FIELDS)) {
    const value = own[key];
    if (value === undefined) continue;
    shape(value, `metadata.isobar.${key}`);
    fields[key] = value;
  }
  return fields;
}
