import type { MessagePort } from "node:worker_threads";
import { parentPort, workerData } from "node:worker_threads";
import { SeededRandom } from "../../../src/base/random.ts";
import { answerExplain } from "../../../src/daemon/answer-explain.ts";
import { SharedOutcomes } from "../../../src/lb/outlier/shared-outcomes.ts";
import type { PickRequest } from "../../../src/lb/picker.ts";
import { PickCause } from "../../../src/lb/record/pick-layout.ts";
import { DataPlane } from "../../../src/proxy/data-plane.ts";
import { ClusterSnapshot } from "../../../src/resource/cluster-snapshot.ts";
import type { EndpointCounterBuffers } from "../../../src/telemetry/endpoint-counters.ts";
import { EndpointCounters } from "../../../src/telemetry/endpoint-counters.ts";
import { WorkerCounters } from "../../../src/telemetry/worker-counters.ts";

/** What a picking worker is born with. */
export interface PickingWorkerStart {
  readonly worker: number;
  readonly workerCount: number;
  readonly endpoints: EndpointCounterBuffers;
  readonly ring: number;
}

/** What it is told: clusters as workers of the proxy are, and when to say what it has recorded. */
export type PickingWorkerMessage =
  | { readonly kind: "cluster"; readonly snapshot: SharedArrayBuffer; readonly counters: SharedArrayBuffer }
  | { readonly kind: "ask"; readonly id: number };

/** Picks between two looks at the messages. */
const PICKS_A_TURN = 4000;
/** Streams it has open at most: the oldest ends when another begins. */
const OPEN_STREAMS = 300;

const start = workerData as PickingWorkerStart;
const port = parentPort as MessagePort;
const random = new SeededRandom(start.worker + 1);
const endpoints = new EndpointCounters(start.workerCount, start.endpoints);
const clusterSlots = new Set<number>();

// The data plane itself, without a listener: what is picked from, and how, is its own.
const dataPlane = new DataPlane({
  workerIndex: start.worker,
  workerCount: start.workerCount,
  node: `node-${start.worker}`,
  zone: "zone-a",
  slabOctets: 8 * 2 ** 20,
  poison: false,
  nowMs: () => performance.timeOrigin + performance.now() - 1.7e12,
  wallMs: () => Date.now(),
  random,
  endpoints,
  outcomes: new SharedOutcomes(start.workerCount),
  workerRow: new WorkerCounters(start.workerCount).row(start.worker),
  onEndpointReleased: () => {},
  onClusterReleased: () => {},
});
dataPlane.setFleet({ nodeIndex: start.worker, nodeCount: 12, zoneIndex: start.worker, zoneCount: 4 });
dataPlane.explain.configure({ sample: 1, ring: start.ring, allowedSources: [] });

port.on("message", (message: PickingWorkerMessage) => {
  if (message.kind === "ask") {
    port.postMessage(
      answerExplain({ kind: "explain-ask", id: message.id, clusterSlot: -1 }, dataPlane.explain),
    );
    return;
  }
  dataPlane.applyCluster(message.snapshot, message.counters);
  clusterSlots.add(new ClusterSnapshot(message.snapshot).clusterSlot);
});

const request: PickRequest = { sequence: 0, hash: 0, triedCount: 0, tried: new Int32Array(8) };
const open = new Int32Array(OPEN_STREAMS).fill(-1);
const row = endpoints.rowStart(start.worker);
let next = 0;

setImmediate(function turn() {
  const { explain } = dataPlane;
  const { cluster, nowMs } = explain.options;
  const slots = [...clusterSlots];
  for (let i = 0; i < PICKS_A_TURN && slots.length > 0; i++) {
    const runtime = cluster(slots[i % slots.length]!)!;
    request.hash = i & 1 ? random.nextInt(2 ** 31) : 0;
    request.triedCount = 0;
    let picked = explain.pick(runtime, request, runtime.loads, random, nowMs(), PickCause.first, -1);
    if (i % 10 === 0 && picked >= 0) {
      request.tried[request.triedCount++] = picked;
      picked = explain.pick(runtime, request, runtime.loads, random, nowMs(), PickCause.again, -1);
    }
    if (open[next]! >= 0) endpoints.inFlight[row + open[next]!]!--;
    open[next] = picked;
    if (picked >= 0) endpoints.inFlight[row + picked]!++;
    next = (next + 1) % OPEN_STREAMS;
  }
  // What the worker's heartbeat does: others' verdicts, shares by load.
  dataPlane.sample();
  setImmediate(turn);
});
