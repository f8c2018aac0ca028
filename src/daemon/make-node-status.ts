import type {
  CaptureStatus,
  LinkStatus,
  NamespaceCallers,
  NodeStatus,
  SourceStatus,
} from "../admin/node-status.ts";
import { CANARY_CLUSTER } from "../proxy/callers/capture-listener.ts";
import type { Caller } from "../resource/caller.ts";
import { setAsideReasons } from "../resource/set-aside.ts";
import type { ClusterCounters } from "../telemetry/cluster-counters.ts";
import { ByteColumn, ClusterColumn } from "../telemetry/cluster-counters.ts";
import type { EndpointCounters } from "../telemetry/endpoint-counters.ts";
import { GRPC_STATUS_NAMES } from "../telemetry/grpc-status-name.ts";
import { HISTOGRAM_COLUMNS, HISTOGRAM_SUM } from "../telemetry/histogram-buckets.ts";
import { REQUEST_CELLS, requestCell } from "../telemetry/request-cell.ts";
import { RESPONSE_FLAG_COUNT } from "../telemetry/response-flag.ts";
import type { SourceNames } from "../telemetry/source-names.ts";
import { OTHER_SOURCE, UNKNOWN_SOURCE } from "../telemetry/source-names.ts";
import { VERSION } from "../telemetry/version.ts";
import type { WorkerCounters } from "../telemetry/worker-counters.ts";
import { WorkerColumn } from "../telemetry/worker-counters.ts";
import type { NodeCapture } from "./capture/node-capture.ts";
import type { PublishedCluster } from "./cluster-publisher.ts";
import type { ControlPlaneLink } from "./control-plane-link.ts";

/** What a status is made of. */
export interface NodeStatusParts {
  readonly node: string;
  readonly notReady: string;
  readonly published: Iterable<PublishedCluster>;
  readonly endpoints: EndpointCounters;
  readonly workers: WorkerCounters;
  /** Of callers' namespaces. */
  readonly sources: SourceNames;
  readonly troubles: ReadonlyMap<string, string>;
  readonly capture: NodeCapture | undefined;
  readonly controlPlane: ControlPlaneLink | undefined;
}

/** Statuses that say that a server, or the way to it, is broken; those of deploy/monitoring. */
const FAULTS = ["UNKNOWN", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"] as const;
const MOST_REFUSED = 20;

/** Works out what `GET /status` shows. */
export function makeNodeStatus(parts: NodeStatusParts): NodeStatus {
  const { capture, controlPlane } = parts;
  // It may be an iterator, which goes round once.
  const published = [...parts.published];
  return {
    format: 1,
    atMs: Date.now(),
    node: parts.node,
    version: VERSION,
    uptimeSeconds: Math.round(process.uptime()),
    residentOctets: process.memoryUsage.rss(),
    notReady: parts.notReady,
    capture: capture === undefined ? null : captureStatus(capture),
    controlPlane: controlPlane === undefined ? null : linkStatus(controlPlane),
    services: published
      .filter(({ cluster }) => cluster.name !== CANARY_CLUSTER)
      .map((each) => serviceStatus(each, parts)),
    sources: sourceStatus(published, parts),
  };
}

function sourceStatus(
  published: readonly PublishedCluster[],
  { workers, sources }: NodeStatusParts,
): readonly SourceStatus[] {
  const requests = new Float64Array(OTHER_SOURCE + 1);
  for (const { counters } of published)
    for (const [key, count] of counters.bySource()) requests[Math.floor(key / REQUEST_CELLS)]! += count;
  const channels = new Float64Array(OTHER_SOURCE + 1);
  workers.sumInto(WorkerColumn.sourceChannels, channels);
  const waitedMs = new Float64Array(OTHER_SOURCE + 1);
  workers.sumInto(WorkerColumn.sourceWaitMs, waitedMs);
  const found: SourceStatus[] = [];
  for (let source = UNKNOWN_SOURCE + 1; source <= OTHER_SOURCE; source++) {
    if (requests[source] === 0 && channels[source] === 0 && waitedMs[source] === 0) continue;
    found.push({
      namespace: sources.nameOf(source),
      channels: channels[source]!,
      requests: requests[source]!,
      throttledSeconds: waitedMs[source]! / 1_000,
    });
  }
  return found;
}

function serviceStatus(
  { cluster, snapshot, counters }: PublishedCluster,
  { endpoints, troubles, capture }: NodeStatusParts,
): NodeStatus["services"][number] {
  const bytes = (cell: number): number => counters.sum(ClusterColumn.bytes + cell);
  return {
    name: cluster.name,
    policy: cluster.settings.loadBalancing.policy,
    trouble: troubles.get(cluster.name) ?? "",
    requests: sumCells(counters, ClusterColumn.requests, REQUEST_CELLS),
    errors: FAULTS.reduce((sum, name) => {
      const first = ClusterColumn.requests + requestCell(GRPC_STATUS_NAMES.indexOf(name), 0);
      return sum + sumCells(counters, first, RESPONSE_FLAG_COUNT);
    }, 0),
    inFlight: counters.sum(ClusterColumn.streamsActive),
    queued: counters.sum(ClusterColumn.streamsQueued),
    durations: durations(counters),
    sameZoneOctets: bytes(ByteColumn.requestSameZone) + bytes(ByteColumn.responseSameZone),
    crossZoneOctets: bytes(ByteColumn.requestCrossZone) + bytes(ByteColumn.responseCrossZone),
    spliced: counters.sum(ClusterColumn.splicedConnections),
    upstreamConnections: counters.sum(ClusterColumn.upstreamConnections),
    bypassed: capture?.counts.bypassed.get(cluster.name) ?? 0,
    endpoints: cluster.endpoints.map(({ address, port, zone, health }, i) => {
      const slot = snapshot.slotAt(i);
      return {
        address: address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`,
        zone,
        requests: endpoints.requestsOf(slot),
        errors: endpoints.errorsOf(slot),
        inFlight: endpoints.inFlightOf(slot),
        health,
        setAsideFor: setAsideReasons(endpoints.asideReasons(slot)),
      };
    }),
  };
}

function durations(counters: ClusterCounters): readonly number[] {
  const cells = new Float64Array(HISTOGRAM_COLUMNS);
  counters.sumInto(ClusterColumn.duration, cells);
  const counts = [...cells.subarray(0, HISTOGRAM_SUM)];
  return counts.some((count) => count > 0) ? counts : [];
}

function sumCells(counters: ClusterCounters, first: number, count: number): number {
  let sum = 0;
  for (let column = first; column < first + count; column++) sum += counters.sum(column);
  return sum;
}

function captureStatus(capture: NodeCapture): CaptureStatus {
  const { counts, state } = capture;
  return {
    generation: capture.generation,
    ...state,
    inert: counts.isInert,
    capturedTotal: counts.captured,
    reclaimedTotal: counts.reclaimed,
    refusedTotal: counts.refused,
    failOpenSeconds: counts.failOpenSeconds,
    namespaces: countCallers(capture.callers),
  };
}

function countCallers(callers: readonly Caller[]): readonly NamespaceCallers[] {
  const byNamespace = new Map<string, { -readonly [Key in keyof NamespaceCallers]: NamespaceCallers[Key] }>();
  for (const { namespace, mode, failClosed } of callers) {
    let counted = byNamespace.get(namespace);
    if (counted === undefined) {
      counted = { namespace, transparent: 0, proxyEnv: 0, address: 0, off: 0, failClosed: 0 };
      byNamespace.set(namespace, counted);
    }
    counted[mode === "proxy-env" ? "proxyEnv" : mode]++;
    if (mode === "transparent" && failClosed) counted.failClosed++;
  }
  return [...byNamespace.values()].sort((a, b) => (a.namespace < b.namespace ? -1 : 1));
}

function linkStatus({ client }: ControlPlaneLink): LinkStatus {
  const refused: LinkStatus["refused"][number][] = [];
  let refusedCount = 0;
  let unconfirmed = 0;
  for (const { typeUrl, name, problem, fromDisk } of client.resources()) {
    if (fromDisk) unconfirmed++;
    if (problem === "") continue;
    refusedCount++;
    if (refused.length < MOST_REFUSED)
      refused.push({ type: typeUrl.slice(typeUrl.lastIndexOf(".") + 1), name, problem });
  }
  const heldBack = Object.fromEntries(client.heldBack());
  return {
    address: client.address,
    connected: client.isConnected,
    refusedCount,
    refused,
    unconfirmed,
    heldBack,
  };
}
