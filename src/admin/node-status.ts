/**
 * What `GET /status` of a proxy answers: what `isobar status`, `top` and `doctor` are made of. Counts are since the process began; who wants
 * rates asks twice.
 */
export interface NodeStatus {
  readonly format: 1;
  /** Milliseconds since 1970. */
  readonly atMs: number;
  readonly node: string;
  /** Of Isobar. */
  readonly version: string;
  readonly uptimeSeconds: number;
  readonly residentOctets: number;
  /** Why it is not ready; "" while it is. */
  readonly notReady: string;
  /** null: nothing is captured. */
  readonly capture: CaptureStatus | null;
  /** null: there is none. */
  readonly controlPlane: LinkStatus | null;
  readonly services: readonly ServiceStatus[];
  /** By the namespace of captured Pods that call; who did nothing yet is not in it. Not there: the proxy is older. */
  readonly sources?: readonly SourceStatus[];
}

/** One namespace's calls, as far as its Pods are captured. */
export interface SourceStatus {
  readonly namespace: string;
  /** Open HTTP/2 connections of its Pods. */
  readonly channels: number;
  /** Requests of its Pods that ended, for all services. */
  readonly requests: number;
  /** Time that they stood in line for an endpoint with room. */
  readonly throttledSeconds: number;
}

/** The node's captured traffic, as `isobar capture` last said it, and who is opted in. */
export interface CaptureStatus {
  /** Of this process. */
  readonly generation: string;
  /** The generation that new connections go to; "" while none does. */
  readonly current: string;
  /** Whether `isobar capture` has written a moment ago. */
  readonly alive: boolean;
  /** Whether new connections are led to a proxy. */
  readonly open: boolean;
  /** Why not; "" while they are. */
  readonly closedBecause: string;
  /** Whether what this process wants captured is in the kernel. */
  readonly planInForce: boolean;
  /** Whether captured pods have had traffic of which nothing came. */
  readonly inert: boolean;
  readonly capturedTotal: number;
  readonly reclaimedTotal: number;
  readonly refusedTotal: number;
  readonly failOpenSeconds: number;
  readonly namespaces: readonly NamespaceCallers[];
}

/** The pods of one namespace on one node, by how their calls come to the proxy. */
export interface NamespaceCallers {
  readonly namespace: string;
  readonly transparent: number;
  readonly proxyEnv: number;
  readonly address: number;
  readonly off: number;
  /** Of those that are transparent: refused, and not let past, while no proxy works. */
  readonly failClosed: number;
}

/** A proxy's connection with its control plane. */
export interface LinkStatus {
  readonly address: string;
  readonly connected: boolean;
  /** Resources whose newest version was refused, the first few with the reason. */
  readonly refusedCount: number;
  readonly refused: readonly { readonly type: string; readonly name: string; readonly problem: string }[];
  /** Resources from disk that no control plane has confirmed. */
  readonly unconfirmed: number;
  /** Endpoints held back, by cluster. */
  readonly heldBack: Readonly<Record<string, number>>;
}

/** One service as this proxy sees it. */
export interface ServiceStatus {
  readonly name: string;
  readonly policy: string;
  /** What the discovery of its endpoints suffers from; "" when nothing. */
  readonly trouble: string;
  readonly requests: number;
  /** Of these, the ones that ended with a status that says that something is broken: see serverFault. */
  readonly errors: number;
  readonly inFlight: number;
  readonly queued: number;
  /** Finished requests by duration: cells of BUCKET_BOUNDS_SECONDS, then those above. Empty: none yet. */
  readonly durations: readonly number[];
  readonly sameZoneOctets: number;
  readonly crossZoneOctets: number;
  /** Open connections that are passed on as a whole. */
  readonly spliced: number;
  /** Open connections to its endpoints. Not there: the proxy is older. */
  readonly upstreamConnections?: number;
  /** Connections of this node's captured pods that go past the proxy. */
  readonly bypassed: number;
  readonly endpoints: readonly {
    readonly address: string;
    readonly zone: string;
    readonly requests: number;
    readonly errors: number;
    readonly inFlight: number;
    readonly health: "healthy" | "unhealthy" | "draining";
    readonly setAsideFor: readonly string[];
  }[];
}
