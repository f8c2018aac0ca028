import type {
  ActionResult,
  AdminView,
  ClusterView,
  EndpointView,
  RoutesView,
  StatsView,
} from "../admin/admin-view.ts";
import type { ExplainQuestion, ExplainView } from "../admin/explain-view.ts";
import type { NodeStatus } from "../admin/node-status.ts";
import { describeFound } from "../config/config-problem.ts";
import { setAsideReasons } from "../resource/set-aside.ts";
import { ClusterColumn } from "../telemetry/cluster-counters.ts";
import type { Log, LogLevel } from "../telemetry/log.ts";
import { LOG_LEVELS } from "../telemetry/log.ts";
import { REQUEST_CELLS } from "../telemetry/request-cell.ts";
import { RESPONSE_FLAG_COUNT } from "../telemetry/response-flag.ts";
import { VERSION } from "../telemetry/version.ts";
import { DOWNSTREAM_PROTOCOL_NAMES, WorkerColumn } from "../telemetry/worker-counters.ts";
import type { NodeCapture } from "./capture/node-capture.ts";
import type { ClusterPublisher, PublishedCluster } from "./cluster-publisher.ts";
import type { ControlPlaneLink } from "./control-plane-link.ts";
import type { ExplainDesk } from "./explain-desk.ts";
import type { ProxyCounters } from "./proxy-counters.ts";
import type { Readiness } from "./readiness.ts";
import type { Reloader } from "./reloader.ts";
import type { RoutePublisher } from "./route-publisher.ts";

/** The parts of the daemon that {@link ProxyView} shows. */
export interface ProxyViewOptions {
  readonly readiness: Readiness;
  readonly counters: ProxyCounters;
  readonly publisher: ClusterPublisher;
  /** undefined as long as there were no routes. */
  readonly routes: () => RoutePublisher | undefined;
  /** undefined where there is none. */
  readonly controlPlane: () => ControlPlaneLink | undefined;
  readonly capture: () => NodeCapture | undefined;
  readonly reloader: Reloader;
  /** What discovery suffers from, by cluster name. */
  readonly troubles: ReadonlyMap<string, string>;
  readonly log: Log;
  readonly drain: () => void;
  /** Asks the workers about their picks. */
  readonly explain: ExplainDesk;
  /** Name of the node. */
  readonly node: string;
}

/** The daemon as the admin server shows it. Everything is read at the moment of asking. */
export class ProxyView implements AdminView {
  readonly #options: ProxyViewOptions;

  constructor(options: ProxyViewOptions) {
    this.#options = options;
  }

  notReadyReason(): string | undefined {
    const { readiness, capture } = this.#options;
    return readiness.reason() ?? capture()?.notReadyReason;
  }

  stats(): StatsView {
    const { counters, reloader, publisher } = this.#options;
    const stats: Record<string, number> = {
      uptime_seconds: Math.round(process.uptime()),
      resident_octets: process.memoryUsage.rss(),
      slab_used_octets: counters.workers.sum(WorkerColumn.slabUsedOctets),
      slab_capacity_octets: counters.workers.sum(WorkerColumn.slabCapacityOctets),
      unrouted_requests: sumCells(counters.workers, WorkerColumn.unroutedRequests, REQUEST_CELLS),
      config_reloads_succeeded: reloader.status.succeeded,
      config_reloads_failed: reloader.status.failed,
    };
    for (const [protocol, name] of DOWNSTREAM_PROTOCOL_NAMES.entries()) {
      const column = WorkerColumn.downstreamConnections + protocol;
      stats[`downstream_connections.${name}`] = counters.workers.sum(column);
    }
    for (const published of publisher.clusters) addClusterStats(stats, published);
    return stats;
  }

  *clusters(): Iterable<ClusterView> {
    for (const { cluster, snapshot, counters: clusterCounters } of this.#options.publisher.clusters) {
      yield {
        name: cluster.name,
        policy: cluster.settings.loadBalancing.policy,
        slot: snapshot.clusterSlot,
        contentHash: snapshot.contentHash,
        trouble: this.#options.troubles.get(cluster.name) ?? "",
        balancedPerConnection: clusterCounters.sum(ClusterColumn.splicedConnections),
        endpoints: cluster.endpoints.map((endpoint, i): EndpointView => {
          const { endpoints: counters } = this.#options.counters;
          const slot = snapshot.slotAt(i);
          return {
            address: endpoint.address.includes(":")
              ? `[${endpoint.address}]:${endpoint.port}`
              : `${endpoint.address}:${endpoint.port}`,
            zone: endpoint.zone,
            weight: endpoint.weight,
            health: endpoint.health,
            slot,
            generation: snapshot.generationAt(i),
            inFlight: counters.inFlightOf(slot),
            requests: counters.requestsOf(slot),
            errors: counters.errorsOf(slot),
            setAside: counters.isSetAside(slot),
            setAsideFor: setAsideReasons(counters.asideReasons(slot)),
          };
        }),
      };
    }
  }

  routes(): RoutesView {
    const publisher = this.#options.routes();
    const { version = "", routes = [] } = publisher?.configuration ?? {};
    return {
      version,
      routes: routes.map(({ name, authorities, clusters }) => ({
        name,
        authorities,
        clusters: (clusters.length === 0 ? [{ name: "", weight: 1 }] : clusters).map((side) => ({
          ...side,
          requests: publisher?.requestsOf(name, side.name) ?? 0,
        })),
      })),
    };
  }

  async status(): Promise<NodeStatus> {
    const { node, publisher, counters, troubles, capture, controlPlane } = this.#options;
    const { makeNodeStatus } = await import("./make-node-status.ts");
    return makeNodeStatus({
      node,
      notReady: this.notReadyReason() ?? "",
      published: publisher.clusters,
      endpoints: counters.endpoints,
      workers: counters.workers,
      sources: counters.sources,
      troubles,
      capture: capture(),
      controlPlane: controlPlane(),
    });
  }

  capture(): object | undefined {
    return this.#options.capture()?.status;
  }

  controlPlane(): object | undefined {
    return this.#options.controlPlane()?.status;
  }

  releaseHeldBack(cluster: string): ActionResult {
    const link = this.#options.controlPlane();
    if (link === undefined) return { ok: false, message: "no controlPlane is configured" };
    const released = link.release(cluster);
    return {
      ok: true,
      message: released.length === 0 ? "nothing is held back" : `released ${released.join(", ")}`,
    };
  }

  configDump(): unknown {
    const { reloader } = this.#options;
    return {
      version: VERSION,
      node_version: process.versions.node,
      config: reloader.running,
      reload: reloader.status,
    };
  }

  async explain(question: ExplainQuestion): Promise<ExplainView> {
    const { publisher, counters, explain, node, reloader } = this.#options;
    const published = [...publisher.clusters];
    const asked = published.find(({ cluster }) => cluster.name === question.cluster);
    const accounts = await explain.ask(asked?.snapshot.clusterSlot);
    // Loaded at need, as is all that only those who ask want.
    const { makeExplainView } = await import("./explain-view-maker.ts");
    const { sample } = reloader.running.explain;
    return makeExplainView({ node, sample, published, endpoints: counters.endpoints, accounts }, question);
  }

  async explainDump(): Promise<Uint8Array> {
    const accounts = await this.#options.explain.ask();
    const { encodePickDump } = await import("../lb/record/pick-dump.ts");
    return encodePickDump(
      accounts.map(({ worker, nowMs, wallMs, records, views }) => ({
        worker,
        nowMs,
        wallMs,
        records,
        views,
      })),
    );
  }

  drain(): ActionResult {
    this.#options.drain();
    return { ok: true, message: "draining" };
  }

  setLogLevel(level: string): ActionResult {
    if (!LOG_LEVELS.includes(level as LogLevel)) {
      return {
        ok: false,
        message: `level: found ${describeFound(level)}, wanted one of ${LOG_LEVELS.join(", ")}`,
      };
    }
    this.#options.log.level = level as LogLevel;
    return { ok: true, message: `log level is ${level}` };
  }
}

function addClusterStats(stats: Record<string, number>, { cluster, counters }: PublishedCluster): void {
  const prefix = `cluster.${cluster.name}`;
  const requests = sumCells(counters, ClusterColumn.requests, REQUEST_CELLS);
  // The cells of status OK come first, one per response flag.
  const ok = sumCells(counters, ClusterColumn.requests, RESPONSE_FLAG_COUNT);
  stats[`${prefix}.endpoints`] = cluster.endpoints.length;
  stats[`${prefix}.requests`] = requests;
  stats[`${prefix}.requests_not_ok`] = requests - ok;
  stats[`${prefix}.attempts`] = counters.sum(ClusterColumn.attempts);
  stats[`${prefix}.streams_active`] = counters.sum(ClusterColumn.streamsActive);
  stats[`${prefix}.streams_queued`] = counters.sum(ClusterColumn.streamsQueued);
  stats[`${prefix}.upstream_connections`] = counters.sum(ClusterColumn.upstreamConnections);
  stats[`${prefix}.upstream_connect_failures`] = counters.sum(ClusterColumn.upstreamConnectFailures);
}

function sumCells(rows: { sum(column: number): number }, first: number, count: number): number {
  let sum = 0;
  for (let column = first; column < first + count; column++) sum += rows.sum(column);
  return sum;
}
