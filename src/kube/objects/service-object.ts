import type { KubeObject } from "../kube-object.ts";
import type { RawObject } from "../raw-object.ts";
import { keptMetadata } from "../raw-object.ts";
import type { ResourceKind } from "../resource-kind.ts";
import { shareText } from "../share-text.ts";
import type { Condition } from "./condition.ts";
import { ownAnnotations } from "./own-annotations.ts";

/** A port of a Service. */
export interface ServicePort {
  /** "" where the Service has only one. EndpointSlices name their ports by it. */
  readonly name: string;
  readonly port: number;
  /** `TCP`, `UDP` or `SCTP`. */
  readonly protocol: string;
  /** What is spoken, such as `kubernetes.io/h2c` or `http`; "" when not said. */
  readonly appProtocol: string;
  /** What `targetPort` calls the containers' port; "" where it is a number. */
  readonly targetName: string;
}

/** What is kept of a Service. Source: Kubernetes API, core/v1 ServiceSpec. */
export interface ServiceObject extends KubeObject {
  readonly generation: number;
  /** `ExternalName` has no endpoints. */
  readonly type: string;
  readonly ports: readonly ServicePort[];
  /** Its own addresses, none where it is headless. */
  readonly clusterIps: readonly string[];
  /** The one it prefers first: `IPv4`, `IPv6`. */
  readonly ipFamilies: readonly string[];
  readonly clientIpAffinity: boolean;
  /** After what time without a connection affinity ends, as kube-proxy has it; 0 without affinity. */
  readonly affinitySeconds: number;
  /** Whether callers may be sent to endpoints of their own node only. */
  readonly internalTrafficLocal: boolean;
  /** `PreferSameZone`, `PreferSameNode`, `PreferClose`; "" when not said. */
  readonly trafficDistribution: string;
  /** Whether zones were asked for the older way, `service.kubernetes.io/topology-mode: Auto`. */
  readonly topologyAuto: boolean;
  readonly annotations: Readonly<Record<string, string>>;
  readonly conditions: readonly Condition[];
}

interface RawSpec {
  readonly type?: string;
  readonly ports?: readonly (Partial<ServicePort> & { readonly targetPort?: number | string })[];
  readonly clusterIP?: string;
  readonly clusterIPs?: readonly string[];
  readonly ipFamilies?: readonly string[];
  readonly sessionAffinity?: string;
  readonly sessionAffinityConfig?: { readonly clientIP?: { readonly timeoutSeconds?: number } };
  readonly internalTrafficPolicy?: string;
  readonly trafficDistribution?: string;
}

/** What the API server sets where it is not said. Source: Kubernetes API, core/v1 ClientIPConfig. */
export const DEFAULT_AFFINITY_SECONDS = 10_800;

/** Services: names, ports, addresses. */
export const SERVICES: ResourceKind<ServiceObject> = {
  group: "",
  version: "v1",
  kind: "Service",
  plural: "services",
  optional: false,
  metadataOnly: false,
  pageSize: 500,
  decode(raw: RawObject): ServiceObject {
    const spec = (raw.spec ?? {}) as RawSpec;
    const annotations = raw.metadata?.annotations ?? {};
    const topology =
      annotations["service.kubernetes.io/topology-mode"] ??
      annotations["service.kubernetes.io/topology-aware-hints"] ??
      "";
    const clientIpAffinity = spec.sessionAffinity === "ClientIP";
    return {
      ...keptMetadata(raw),
      generation: raw.metadata?.generation ?? 0,
      type: shareText(spec.type ?? "ClusterIP"),
      ports: (spec.ports ?? []).map((port) => ({
        name: shareText(port.name ?? ""),
        port: port.port ?? 0,
        protocol: shareText(port.protocol ?? "TCP"),
        appProtocol: shareText(port.appProtocol ?? ""),
        targetName: typeof port.targetPort === "string" ? shareText(port.targetPort) : "",
      })),
      clusterIps: (spec.clusterIPs ?? (spec.clusterIP === undefined ? [] : [spec.clusterIP])).filter(
        (address) => address !== "" && address !== "None",
      ),
      ipFamilies: (spec.ipFamilies ?? []).map(shareText),
      clientIpAffinity,
      affinitySeconds: clientIpAffinity
        ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? DEFAULT_AFFINITY_SECONDS)
        : 0,
      internalTrafficLocal: spec.internalTrafficPolicy === "Local",
      trafficDistribution: shareText(spec.trafficDistribution ?? ""),
      topologyAuto: topology.toLowerCase() === "auto",
      annotations: ownAnnotations(raw),
      conditions: ((raw.status ?? {}) as { readonly conditions?: readonly Condition[] }).conditions ?? [],
    };
  },
};
