import { createServer } from "node:net";
import type { HeapInfo } from "node:v8";
import { getHeapStatistics } from "node:v8";
import { parentPort, workerData } from "node:worker_threads";
import { monotonicClock } from "../base/clock.ts";
import { SeededRandom } from "../base/random.ts";
import { parseSocketAddress } from "../config/socket-address.ts";
import { DataPlane } from "../proxy/data-plane.ts";
import { EndpointCounters } from "../telemetry/endpoint-counters.ts";
import { observeMs } from "../telemetry/histogram-buckets.ts";
import { WorkerColumn, WorkerCounters } from "../telemetry/worker-counters.ts";
import { chooseSocketReads } from "./choose-socket-reads.ts";
import { collectGarbage } from "./collect-garbage.ts";
import type { MainToWorker, WorkerListener, WorkerStart, WorkerToMain } from "./worker-messages.ts";

/** How often a worker proves that its loop turns, and looks at a drain's progress. */
const HEARTBEAT_MS = 250;
const LISTEN_BACKLOG = 4096;

const start = workerData as WorkerStart;
const port = parentPort;
if (port === null) throw new Error("worker.ts runs as a worker thread only");

const say = (message: WorkerToMain): void => port.postMessage(message);
const row = new WorkerCounters(start.workerCount, start.workerCounters).row(start.workerIndex);
let endpointSlots: number[] = [];
let clusterSlots: number[] = [];

const dataPlane = new DataPlane({
  workerIndex: start.workerIndex,
  workerCount: start.workerCount,
  zone: start.node.zone,
  slabOctets: start.slabOctets,
  poison: start.poison,
  nowMs: () => monotonicClock.nowMs(),
  wallMs: () => Date.now(),
  // One seed per worker and process: workers that draw alike would herd.
  random: new SeededRandom(Math.trunc(Date.now() * 31 + start.workerIndex * 7919 + process.pid)),
  endpoints: new EndpointCounters(start.workerCount, start.endpointCounters),
  workerRow: row,
  onEndpointReleased: (slot) => endpointSlots.push(slot),
  onClusterReleased: (slot) => clusterSlots.push(slot),
});

const readsChosen = chooseSocketReads(say).then((reads) => {
  dataPlane.socketReads = reads;
});

function listen(listener: WorkerListener): void {
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true });
  dataPlane.serve(server);
  server.on("error", (error: NodeJS.ErrnoException) => {
    if (!server.listening) say({ kind: "listen-failed", name: listener.name, error: error.message });
    else say({ kind: "log", level: "warn", message: "accept failed", fields: { error: error.message } });
  });
  server.on("listening", () => {
    const bound = server.address();
    const place = typeof bound === "string" || bound === null ? { address: String(bound), port: 0 } : bound;
    say({ kind: "listening", name: listener.name, address: place.address, port: place.port });
  });
  servers.push(server);
  server.listen({ ...parseSocketAddress(listener.address), backlog: LISTEN_BACKLOG });
}

const servers: ReturnType<typeof createServer>[] = [];
let drainDeadlineMs = Number.POSITIVE_INFINITY;
let listening = false;
let drained = false;

function drain(limitMs: number): void {
  for (const server of servers) server.close();
  dataPlane.drain();
  drainDeadlineMs = monotonicClock.nowMs() + limitMs;
  checkDrain();
}

function checkDrain(): void {
  if (drained || drainDeadlineMs === Number.POSITIVE_INFINITY) return;
  const late = monotonicClock.nowMs() >= drainDeadlineMs;
  if (dataPlane.downstreamConnections > 0 && !late) return;
  drained = true;
  say({ kind: "drained", cutOff: late ? dataPlane.cutOff() : 0 });
}

port.on("message", (message: MainToWorker) => {
  switch (message.kind) {
    case "cluster":
      return dataPlane.applyCluster(message.snapshot, message.counters);
    case "cluster-removed":
      return dataPlane.removeCluster(message.clusterSlot);
    case "snapshot-complete":
      if (!listening) collectGarbage();
      if (!listening) {
        void readsChosen.then(() => {
          if (drainDeadlineMs !== Number.POSITIVE_INFINITY) return;
          for (const listener of start.listeners) listen(listener);
        });
      }
      listening = true;
      return;
    case "drain":
      return drain(message.limitMs);
    case "access-log":
      dataPlane.accessLog.enabled = message.enabled;
      dataPlane.accessLog.sample = message.sample;
      return;
  }
});

let beatMs = monotonicClock.nowMs();
setInterval(() => {
  const nowMs = monotonicClock.nowMs();
  observeMs(row, WorkerColumn.stall, nowMs - beatMs - HEARTBEAT_MS);
  beatMs = nowMs;
  row[WorkerColumn.heartbeatMs] = Date.now();
  const heap = getHeapStatistics() as HeapInfo & { readonly total_allocated_bytes?: number };
  row[WorkerColumn.heapUsedOctets] = heap.used_heap_size;
  row[WorkerColumn.heapAllocatedOctets] = heap.total_allocated_bytes ?? 0;
  dataPlane.sample();
  checkDrain();
  const records = dataPlane.accessLog.take();
  if (records.length > 0) say({ kind: "access-log", records });
  if (endpointSlots.length > 0 || clusterSlots.length > 0) {
    say({ kind: "epoch", endpointSlots, clusterSlots });
    endpointSlots = [];
    clusterSlots = [];
  }
}, HEARTBEAT_MS);
