import type { MessagePort } from "node:worker_threads";
import type { SubsetColumns } from "../lb/subset/subset-columns.ts";
import type { TierSet } from "../lb/tier-set.ts";
import type { AccessLogLines } from "../proxy/access-log.ts";
import type { AuthorityNews } from "../proxy/authorities/authority-news.ts";
import type { ServiceChanges } from "../proxy/callers/capture-port.ts";
import type { NumberedCaller } from "../proxy/callers/numbered-caller.ts";
import type { ExplainSettings } from "../proxy/explain/explainer.ts";
import type { GuardOptions } from "../proxy/guard/guard-options.ts";
import type { ListenerProtocol } from "../proxy/port/listener-door.ts";
import type { RouteUpdate } from "../proxy/routes/route-update.ts";
import type { TracingSettings } from "../proxy/tracing/call-tracer.ts";
import type { SpanBatch } from "../proxy/tracing/span-batch.ts";
import type { AnyIpRanges } from "../resource/any-ip.ts";
import type { EndpointChanges } from "../resource/cluster-slots.ts";
import type { Fleet } from "../resource/fleet.ts";
import type { TlsIdentity } from "../resource/tls-identity.ts";
import type { EndpointCounterBuffers } from "../telemetry/endpoint-counters.ts";
import type { CallerIdentityStart } from "./caller-identity-start.ts";

/**
 * The whole conversation between the main thread and a data-plane worker. Every message is small and rare: nothing is
 * sent per request, and what is large (snapshots, counters) travels as SharedArrayBuffers, so that the worker copies
 * and parses nothing.
 */

/** A listener as the worker binds it. */
export interface WorkerListener {
  /** The name from the configuration, unique; comes back in {@link ListeningMessage}. */
  readonly name: string;
  /** `ip:port`, `[ipv6]:port` (port 0 asks the kernel for one) or `unix:/path`. */
  readonly address: string;
  readonly protocol: ListenerProtocol;
  /** Name of the cluster that every connection is for. */
  readonly cluster?: string | undefined;
  /** Ranges of addresses in CIDR notation. */
  readonly allowedSources: readonly string[];
  readonly connect: { readonly allowedTargets: readonly string[]; readonly deniedRanges: readonly string[] };
}

/** What a worker is born with (`workerData`): all that cannot change without a restart of the process. */
export interface WorkerStart {
  /** 0 to `workerCount - 1`: the row of every counter that this worker alone writes. */
  readonly workerIndex: number;
  readonly workerCount: number;
  /** When the main thread's clock began, in ms since 1970: times in shared memory count from there. */
  readonly timeOriginMs: number;
  /** Who this proxy is: zone affinity compares `zone` with the endpoints'; an empty zone has no affinity. */
  readonly node: { readonly id: string; readonly zone: string; readonly region: string };
  /** In the order of the configuration. */
  readonly listeners: readonly WorkerListener[];
  /**
   * Who opens them, when the first snapshot is in force. `own`: this worker alone. `shared`: every worker, with SO_REUSEPORT;
   * unix sockets, which have no such thing, worker 0. `handed`: an acceptor, which hands sockets over.
   */
  readonly listening: "own" | "shared" | "handed";
  /** Memory of a worker-loads.ts. */
  readonly loads: SharedArrayBuffer;
  /** The ranges that captured connections come to; default: none are captured. */
  readonly anyIp?: AnyIpRanges | undefined;
  /** How endpoints are told who calls; default: they are not. */
  readonly identity?: CallerIdentityStart | undefined;
  /** Limits of clients, divided by the number of workers; see guard-start.ts. */
  readonly guard: GuardOptions;
  /** 0: no limit. */
  readonly maxRequestBodyOctets: number;
  /** Handshakes with endpoints that the worker may have going on at once. */
  readonly maxTlsHandshakes: number;
  /** Memory of a telemetry/overload-state.ts. */
  readonly overload: SharedArrayBuffer;
  /** How long requests wait for the control plane to say where an authority leads, in ms; default: there is none to ask. */
  readonly resolveTimeoutMs?: number | undefined;
  /** The octet budget of the worker's slab. */
  readonly slabOctets: number;
  /** Overwrite freed slab blocks; for tests and for hunting a fault. */
  readonly poison: boolean;
  /** Memory of a telemetry/endpoint-counters.ts. */
  readonly endpointCounters: EndpointCounterBuffers;
  /** Memory of a lb/outlier/shared-outcomes.ts. */
  readonly outcomes: SharedArrayBuffer;
  /** Memory of a telemetry/worker-counters.ts. */
  readonly workerCounters: SharedArrayBuffer;
}

/** A cluster is new or has changed. The snapshot replaces the one with the same cluster slot as a whole. */
export interface ClusterMessage {
  readonly kind: "cluster";
  /** Bytes of resource/cluster-snapshot.ts; never written again after it was sent. */
  readonly snapshot: SharedArrayBuffer;
  /** The cluster's counters (telemetry/cluster-counters.ts); the same buffer for the cluster's whole life. */
  readonly counters: SharedArrayBuffer;
  /** What differs from the version that this one replaces; default: the worker has none of the cluster. */
  readonly changes?: EndpointChanges | undefined;
  /** What this proxy of a fleet uses of it; default: all. In shared memory. */
  readonly subset?: SubsetColumns | undefined;
}

/** The routes have changed. Sent after the clusters they name and before those they no longer name are removed. */
export interface RoutesMessage extends RouteUpdate {
  readonly kind: "routes";
}

/** Word of authorities. Sent after the clusters and routes it leads to. */
export interface AuthoritiesMessage {
  readonly kind: "authorities";
  readonly news: readonly AuthorityNews[];
}

/** An identity is new, or its certificates were renewed. Sent before the first cluster that uses it. */
export interface TlsIdentityMessage {
  readonly kind: "tls-identity";
  readonly identity: TlsIdentity;
}

/** No cluster uses the identity any more. */
export interface TlsIdentityRemovedMessage {
  readonly kind: "tls-identity-removed";
  readonly number: number;
}

/** A cluster is gone: new streams for its name are unknown, streams under way finish. */
export interface ClusterRemovedMessage {
  readonly kind: "cluster-removed";
  readonly clusterSlot: number;
}

/**
 * All clusters of one configuration have been sent. The first one puts the worker in service: before it an unknown
 * authority means "not known yet", afterwards "does not exist".
 */
export interface SnapshotCompleteMessage {
  readonly kind: "snapshot-complete";
}

/** Where the proxy runs, as learnt; replaces what the worker was started with. Sent before the clusters. */
export interface PlaceMessage {
  readonly kind: "place";
  readonly zone: string;
  readonly region: string;
}

/** Stop gracefully: two-phase GOAWAY on every downstream connection, let streams finish, then say `drained`. */
export interface DrainMessage {
  readonly kind: "drain";
  /** Milliseconds until streams that still run are cut off; then `drained` is sent all the same. */
  readonly limitMs: number;
}

/** Switches the access log; sent once before the first cluster and on every change. */
export interface AccessLogMessage {
  readonly kind: "access-log";
  readonly enabled: boolean;
  /** The share of streams that is recorded, from 0 to 1. */
  readonly sample: number;
}

/** Which calls are traced; sent once before the first cluster and on every change. */
export interface TracingMessage extends TracingSettings {
  readonly kind: "tracing";
}

/** What of picks is recorded and who may ask; sent once before the first cluster and on every change. */
export interface ExplainMessage extends ExplainSettings {
  readonly kind: "explain";
}

/** Asks for the picks that were recorded; the answer is {@link ExplainedMessage}. */
export interface ExplainAskMessage {
  readonly kind: "explain-ask";
  readonly id: number;
  /** The cluster whose candidates of now are wanted too; -1 for none. */
  readonly clusterSlot: number;
}

/** The other proxies that send to the same services. Sent on every change; those of the file before the first cluster. */
export interface FleetMessage {
  readonly kind: "fleet";
  /** Undefined: there are none any more. */
  readonly fleet: Fleet | undefined;
  /** Of this cluster alone, whatever holds for the others; default: of all that nothing else was said of. */
  readonly cluster?: string | undefined;
  /** By name what clusters that the worker has are used of with it, where that is not all; clusters that come later bring it with them. */
  readonly subsets?: readonly (readonly [string, SubsetColumns])[];
}

/** The pods of this node, all of them: nobody else is let in where connections are captured. */
export interface CallersMessage {
  readonly kind: "callers";
  readonly callers: readonly NumberedCaller[];
  /** Classes that nobody is in any more: another namespace may have them. */
  readonly leftClasses: readonly number[];
}

/** What is captured has changed. Sent before `isobar capture` is told. */
export interface CapturedMessage extends ServiceChanges {
  readonly kind: "captured";
}

/** The kernel sends the connections of the pods that were told here. */
export interface PlanInForceMessage {
  readonly kind: "plan-in-force";
}

/** Sockets come through this port from now on (acceptor-messages.ts). Sent again when the acceptor was replaced. */
export interface AcceptorPortMessage {
  readonly kind: "acceptor-port";
  readonly port: MessagePort;
}

/** There is no acceptor after all: listen, as if {@link WorkerStart.listening} were `shared`. */
export interface ListenMessage {
  readonly kind: "listen";
  /** Those of {@link WorkerStart}, with the ports that the first worker got where the configuration says 0. */
  readonly listeners: readonly WorkerListener[];
}

/** Everything the main thread sends. */
export type MainToWorker =
  | ClusterMessage
  | ClusterRemovedMessage
  | RoutesMessage
  | AuthoritiesMessage
  | TlsIdentityMessage
  | TlsIdentityRemovedMessage
  | SnapshotCompleteMessage
  | PlaceMessage
  | DrainMessage
  | AccessLogMessage
  | TracingMessage
  | FleetMessage
  | ExplainMessage
  | ExplainAskMessage
  | CallersMessage
  | CapturedMessage
  | PlanInForceMessage
  | AcceptorPortMessage
  | ListenMessage;

/** The first snapshot is in force: clients may come. */
export interface ServingMessage {
  readonly kind: "serving";
}

/** A listener is open; once for each listener of {@link WorkerStart}. */
export interface ListeningMessage {
  readonly kind: "listening";
  readonly name: string;
  /** As bound: an IP literal, or the path of a unix socket. */
  readonly address: string;
  /** As bound; 0 for a unix socket. */
  readonly port: number;
}

/** A listener could not be opened; the main thread ends the process. */
export interface ListenFailedMessage {
  readonly kind: "listen-failed";
  readonly name: string;
  /** What the system said, with its code, such as `EADDRINUSE`. */
  readonly error: string;
}

/**
 * Slots that this worker uses no more: an older snapshot had them, the newest has not, and neither a stream nor a
 * connection is left on them. Each is named once; when every worker has named a slot, it may be given to another
 * endpoint (resource/slot-registry.ts, acknowledge).
 */
export interface EpochMessage {
  readonly kind: "epoch";
  readonly endpointSlots: readonly number[];
  readonly clusterSlots: readonly number[];
}

/** Requests wait for word of this authority; the answer is {@link AuthoritiesMessage}. */
export interface AuthorityWantedMessage {
  readonly kind: "authority-wanted";
  /** In lower case. */
  readonly authority: string;
}

/** Answer to {@link DrainMessage}: no stream is left, or the limit has passed. */
export interface DrainedMessage {
  readonly kind: "drained";
  /** Streams cut off by the limit; 0 after a clean drain. */
  readonly cutOff: number;
}

/** A line for the process's log. Rare events only, never one per request. */
export interface LogMessage {
  readonly kind: "log";
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
  readonly fields?: Readonly<Record<string, string | number | boolean>>;
}

/** Lines of the access log, ready to be written. */
export interface AccessLogBatch extends AccessLogLines {
  readonly kind: "access-log";
}

/** Calls that are traced and have ended. */
export interface TracedMessage {
  readonly kind: "traced";
  readonly batches: readonly SpanBatch[];
  /** Calls lost since the worker began. */
  readonly lost: number;
}

/** A {@link PickView} on its way between threads. */
export interface ViewMessage extends TierSet {
  readonly number: number;
  readonly snapshot: SharedArrayBuffer;
}

/** The candidates of a cluster as a worker has them now. */
export interface ExplainedCluster extends TierSet {
  readonly contentHash: string;
  /** By index in the snapshot: why an endpoint is in no tier, as LeftOut. */
  readonly leftOut: Uint8Array;
}

/** Answer to {@link ExplainAskMessage}. Everything in it is a copy. */
export interface ExplainedMessage {
  readonly kind: "explained";
  readonly id: number;
  /** When, on the clock of the records and in ms since 1970. */
  readonly nowMs: number;
  readonly wallMs: number;
  /** For readRecords. */
  readonly records: Float64Array<ArrayBuffer>;
  readonly views: readonly ViewMessage[];
  readonly cluster: ExplainedCluster | undefined;
}

/** Everything a worker sends. */
export type WorkerToMain =
  | ServingMessage
  | ListeningMessage
  | ListenFailedMessage
  | EpochMessage
  | AuthorityWantedMessage
  | DrainedMessage
  | LogMessage
  | AccessLogBatch
  | TracedMessage
  | ExplainedMessage;
