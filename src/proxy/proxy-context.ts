import type { Random } from "../base/random.ts";
import type { TimerWheel } from "../base/timer-wheel.ts";
import type { ChannelContext } from "../net/h2-channel.ts";
import type { AuthorityTable } from "../route/authority-table.ts";
import type { RouteCache } from "../route/route-cache.ts";
import type { EndpointCounters } from "../telemetry/endpoint-counters.ts";
import type { Subchannel } from "../upstream/subchannel.ts";
import type { TlsClients } from "../upstream/tls-clients.ts";
import type { UpstreamChannel } from "../upstream/upstream-channel.ts";
import type { AccessGate } from "./access/access-gate.ts";
import type { AccessLog } from "./access-log.ts";
import type { AuthorityWaiting } from "./authorities/authority-waiting.ts";
import type { CallerNaming } from "./callers/caller-naming.ts";
import type { ClusterRuntime } from "./cluster-runtime.ts";
import type { ExchangeTable } from "./exchange-table.ts";
import type { Explainer } from "./explain/explainer.ts";
import type { GuardedArrival } from "./guard/guarded-arrival.ts";
import type { GuardedConnection } from "./guard/guarded-connection.ts";
import type { ClusterReportsTable } from "./load-reports/cluster-reports-table.ts";
import type { OutlierWatch } from "./outlier-watch.ts";
import type { RequestRoutes } from "./routes/request-routes.ts";
import type { TlsFailure } from "./tls-failure.ts";
import type { CallTracer } from "./tracing/call-tracer.ts";

/** What the data path of one worker stands on: made once by the composition root, passed to each part. */
export interface ProxyContext extends ChannelContext {
  readonly random: Random;
  /**
   * The worker's clock as of the last input or turn: read often, set rarely; and the earliest deadline set since the
   * deadline timer was last looked at.
   */
  readonly time: { nowMs: number; earliestDueMs: number };
  readonly exchanges: ExchangeTable;
  readonly deadlines: TimerWheel;
  /** Waits before further attempts, by client stream, and the time of attempts, by endpoint stream. */
  readonly attemptTimers: TimerWheel;
  readonly authorities: AuthorityTable;
  readonly routeCache: RouteCache;
  /** Where requests wait for word of their authority; undefined where nobody can be asked. */
  askedAuthorities: AuthorityWaiting | undefined;
  /** What the configuration's routes make of requests; undefined as long as there were none. */
  routes: RequestRoutes | undefined;
  /** Who may have which endpoints; undefined where callers are not known. */
  access?: AccessGate;
  /** Says to endpoints who calls; undefined where that is not wanted. */
  identity: CallerNaming | undefined;
  /** By cluster slot. */
  readonly clusters: (ClusterRuntime | undefined)[];
  /** Forgets a cluster if it was removed and neither an exchange nor a connection names it any more. */
  readonly releaseCluster: (clusterSlot: number) => void;
  /** By endpoint slot; undefined for endpoints that were never picked. */
  readonly subchannels: (Subchannel | undefined)[];
  /** The subchannel of an endpoint that was picked, made where there is none yet; undefined where the cluster lists it no more. */
  readonly reach: (cluster: ClusterRuntime, slot: number) => Subchannel | undefined;
  /** Upstream connections that stand, by their place in the engine. */
  readonly upstreams: (UpstreamChannel | undefined)[];
  /** The identities that connections to endpoints are opened with. */
  readonly tlsClients: TlsClients;
  /** Told when an endpoint could not be reached for TLS's sake. */
  readonly onTlsFailure: (failure: TlsFailure) => void;
  /** Clients' HTTP/2 connections. */
  readonly downstream: ReadonlySet<GuardedConnection>;
  /** Clients' other connections, and those not known to be HTTP/2 yet. */
  readonly arrivals: Set<GuardedArrival>;
  /** Its first word is the OverloadStage; another thread writes it. */
  readonly overload: Int32Array;
  /** See upstream/keepalive.ts. */
  readonly minPingMs: number;
  readonly accessLog: AccessLog;
  readonly tracer: CallTracer;
  readonly explain: Explainer;
  readonly endpoints: EndpointCounters;
  /** What is learned about endpoints from their answers. */
  readonly outliers: OutlierWatch;
  /** What endpoints report of their load. */
  readonly loadReports: ClusterReportsTable;
  /** This worker's row of EndpointMeasures. */
  readonly workerIndex: number;
  /** First cell of this worker's rows in {@link endpoints}. */
  readonly endpointRow: number;
  /** This worker's own counters: WorkerColumn. */
  readonly workerRow: Float64Array;
  /** Slab memory for header sections of our own and for decoded names. */
  readonly replyScratch: number;
}
