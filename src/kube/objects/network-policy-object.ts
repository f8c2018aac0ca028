import type { KubeObject } from "../kube-object.ts";
import type { RawObject } from "../raw-object.ts";
import { keptMetadata } from "../raw-object.ts";
import type { ResourceKind } from "../resource-kind.ts";
import { shareLabels, shareText } from "../share-text.ts";

/** Which objects are meant, by their labels; without any condition all are. Source: Kubernetes API, meta/v1 LabelSelector. */
export interface LabelSelector {
  readonly matchLabels: Readonly<Record<string, string>>;
  readonly matchExpressions: readonly {
    readonly key: string;
    /** `In`, `NotIn`, `Exists` or `DoesNotExist`. */
    readonly operator: string;
    readonly values: readonly string[];
  }[];
}

/** Who is on the other side: Pods, or addresses. */
export interface NetworkPolicyPeer {
  /** Pods of the namespaces below; undefined: all of them. */
  readonly podSelector: LabelSelector | undefined;
  /** undefined: the policy's own namespace. */
  readonly namespaceSelector: LabelSelector | undefined;
  /** Instead of both: addresses of a CIDR without some of its parts. */
  readonly ipBlock: { readonly cidr: string; readonly except: readonly string[] } | undefined;
}

/** A port, by number or by name, or a range of them. */
export interface NetworkPolicyPort {
  readonly protocol: string;
  /** undefined: every port of the protocol. */
  readonly port: number | string | undefined;
  /** Last of a range that begins with `port`; undefined for a single one. */
  readonly endPort: number | undefined;
}

/** One thing that is allowed. */
export interface NetworkPolicyRule {
  /** None: everybody. */
  readonly peers: readonly NetworkPolicyPeer[];
  /** None: every port. */
  readonly ports: readonly NetworkPolicyPort[];
}

/** What is kept of a NetworkPolicy: what it allows, and to whom. Source: Kubernetes API, networking/v1. */
export interface NetworkPolicyObject extends KubeObject {
  /** Pods of its namespace that it is about. */
  readonly podSelector: LabelSelector;
  /** Connections to those Pods that are allowed; undefined: it says nothing about them. */
  readonly ingress: readonly NetworkPolicyRule[] | undefined;
  /** Connections from those Pods that are allowed; undefined: it says nothing about them. */
  readonly egress: readonly NetworkPolicyRule[] | undefined;
}

interface RawSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key?: string;
    readonly operator?: string;
    readonly values?: readonly string[];
  }[];
}

interface RawPeer {
  readonly podSelector?: RawSelector;
  readonly namespaceSelector?: RawSelector;
  readonly ipBlock?: { readonly cidr?: string; readonly except?: readonly string[] };
}

interface RawRule {
  readonly from?: readonly RawPeer[];
  readonly to?: readonly RawPeer[];
  readonly ports?: readonly Partial<NetworkPolicyPort>[];
}

interface RawSpec {
  readonly podSelector?: RawSelector;
  readonly policyTypes?: readonly string[];
  readonly ingress?: readonly RawRule[];
  readonly egress?: readonly RawRule[];
}

/** NetworkPolicies: who may connect to whom. Optional: who may not read them goes on without. */
export const NETWORK_POLICIES: ResourceKind<NetworkPolicyObject> = {
  group: "networking.k8s.io",
  version: "v1",
  kind: "NetworkPolicy",
  plural: "networkpolicies",
  optional: true,
  metadataOnly: false,
  pageSize: 500,
  decode(raw: RawObject): NetworkPolicyObject {
    const spec = (raw.spec ?? {}) as RawSpec;
    // The API server's own defaults, for whoever leaves them out.
    const types = spec.policyTypes ?? ["Ingress", ...(spec.egress === undefined ? [] : ["Egress"])];
    return {
      ...keptMetadata(raw),
      podSelector: selector(spec.podSelector ?? {}),
      ingress: types.includes("Ingress") ? (spec.ingress ?? []).map(rule) : undefined,
      egress: types.includes("Egress") ? (spec.egress ?? []).map(rule) : undefined,
    };
  },
};

function rule({ from, to, ports = [] }: RawRule): NetworkPolicyRule {
  return {
    peers: (from ?? to ?? []).map(peer),
    ports: ports.map(({ protocol = "TCP", port, endPort }) => ({
      protocol: shareText(protocol),
      port,
      endPort,
    })),
  };
}

function peer({ podSelector, namespaceSelector, ipBlock }: RawPeer): NetworkPolicyPeer {
  return {
    podSelector: podSelector === undefined ? undefined : selector(podSelector),
    namespaceSelector: namespaceSelector === undefined ? undefined : selector(namespaceSelector),
    ipBlock: ipBlock === undefined ? undefined : { cidr: ipBlock.cidr ?? "", except: ipBlock.except ?? [] },
  };
}

function selector({ matchLabels, matchExpressions = [] }: RawSelector): LabelSelector {
  return {
    matchLabels: shareLabels(matchLabels),
    matchExpressions: matchExpressions.map(({ key = "", operator = "", values = [] }) => ({
      key,
      operator: shareText(operator),
      values,
    })),
  };
}
