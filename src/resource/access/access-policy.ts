/** Which objects are meant, by their labels; without any condition all are. Source: Kubernetes API, meta/v1 LabelSelector. */
export interface Selector {
  readonly matchLabels: Readonly<Record<string, string>>;
  readonly matchExpressions: readonly {
    readonly key: string;
    /** `In`, `NotIn`, `Exists` or `DoesNotExist`; another one matches nothing. */
    readonly operator: string;
    readonly values: readonly string[];
  }[];
}

/** Who may be on the other side: pods by their labels and those of their namespace, or addresses. */
export interface AccessPeer {
  /** undefined: all pods of the namespaces below. */
  readonly podSelector?: Selector | undefined;
  /** undefined: the policy's own namespace. */
  readonly namespaceSelector?: Selector | undefined;
  /** Instead of both. */
  readonly ipBlock?: { readonly cidr: string; readonly except: readonly string[] } | undefined;
}

/** A port of the pod that is connected to, by number or by its container's name for it, or a range of them. */
export interface AccessPort {
  readonly protocol: string;
  /** undefined: every port. */
  readonly port?: number | string | undefined;
  /** Last of a range. */
  readonly endPort?: number | undefined;
}

/** One thing that is allowed. */
export interface AccessRule {
  /** None: everybody. */
  readonly peers: readonly AccessPeer[];
  /** None: every port. */
  readonly ports: readonly AccessPort[];
}

/** A NetworkPolicy as far as it speaks of one direction, for pods that it selects. */
export interface AccessPolicy {
  /** `namespace/name`. */
  readonly name: string;
  /** Its own. */
  readonly namespace: string;
  /** None: nothing is allowed. */
  readonly rules: readonly AccessRule[];
}

/** One side of a connection, as policies see it. */
export interface AccessParty {
  /** "" for what is no pod: then only its addresses count. */
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly namespaceLabels: Readonly<Record<string, string>>;
  /** IP literals. */
  readonly addresses: readonly string[];
}

/** What policies say of a pod that calls. */
export interface CallerAccess {
  readonly labels: Readonly<Record<string, string>>;
  readonly namespaceLabels: Readonly<Record<string, string>>;
  /** Policies that select it for egress; none: it may connect to everything. */
  readonly egress: readonly AccessPolicy[];
}

/** Endpoints of a service that are alike to all policies. */
export interface EndpointClass {
  /** "" where they are no pods. */
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly namespaceLabels: Readonly<Record<string, string>>;
  /** Policies that select them for ingress, as indexes of {@link ServiceAccess.ingress}; none: everybody may connect. */
  readonly ingress: readonly number[];
}

/** What policies say of a service's endpoints. */
export interface ServiceAccess {
  readonly ingress: readonly AccessPolicy[];
  /** The first one is that of all endpoints that are not {@link members} of another. */
  readonly classes: readonly EndpointClass[];
  /** Class by the address of an endpoint, where it is not the first. */
  readonly members: Readonly<Record<string, number>>;
  /** What containers call the port, as far as it is known. */
  readonly portNames: readonly string[];
}
