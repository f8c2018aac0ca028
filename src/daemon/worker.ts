import type { Server } from "node:net";
import { createServer } from "node:net";
import type { HeapInfo } from "node:v8";
import { getHeapStatistics } from "node:v8";
import type { MessagePort } from "node:worker_threads";
import { parentPort, workerData } from "node:worker_threads";
import { monotonicClock } from "../base/clock.ts";
import { SeededRandom } from "../base/random.ts";
import { parseSocketAddress } from "../config/socket-address.ts";
import { POLICY_DROP_REASONS } from "../lb/module/policy-watch.ts";
import { SharedOutcomes } from "../lb/outlier/shared-outcomes.ts";
import { CAPTURE_LISTENER } from "../proxy/callers/capture-listener.ts";
import { DataPlane } from "../proxy/data-plane.ts";
import { EndpointCounters } from "../telemetry/endpoint-counters.ts";
import { observeMs } from "../telemetry/histogram-buckets.ts";
import { OverloadState } from "../telemetry/overload-state.ts";
import { WorkerColumn, WorkerCounters } from "../telemetry/worker-counters.ts";
import type { AcceptorToWorker } from "./acceptor-messages.ts";
import { callerIdentity } from "./caller-identity.ts";
import { chooseSocketReads } from "./choose-socket-reads.ts";
import { collectGarbage } from "./collect-garbage.ts";
import { LISTEN_BACKLOG } from "./listen-backlog.ts";
import { listenerOptions } from "./listener-options.ts";
import { OwnPolicies } from "./own-policies.ts";
import { RestTrim } from "./rest-trim.ts";
import { SystemRandom } from "./system-random.ts";
import { currentThreadId } from "./thread-processor.ts";
import { TlsFailureLog } from "./tls-failure-log.ts";
import { WorkerLoads } from "./worker-loads.ts";
import type { MainToWorker, WorkerListener, WorkerStart, WorkerToMain } from "./worker-messages.ts";

/** How often a worker proves that its loop turns, and looks at a drain's progress. */
const HEARTBEAT_MS = 250;

const start = workerData as WorkerStart;
const port = parentPort;
if (port === null) throw new Error("worker.ts runs as a worker thread only");

const say = (message: WorkerToMain): void => port.postMessage(message);
const row = new WorkerCounters(start.workerCount, start.workerCounters).row(start.workerIndex);
let endpointSlots: number[] = [];
let clusterSlots: number[] = [];

const clockLeadMs = performance.timeOrigin - start.timeOriginMs;
const policyModules = new OwnPolicies({
  onChanged: (policy) => dataPlane.policyChanged(policy),
  onDropped: (policy, reason, detail) => {
    row[WorkerColumn.policiesDropped + POLICY_DROP_REASONS.indexOf(reason)]!++;
    const fields = { policy: policy.replace(/\?.*/, ""), reason, detail };
    say({ kind: "log", level: "error", message: "policy dropped, least_request serves", fields });
  },
});
const tlsFailures = new TlsFailureLog(say);
const dataPlane = new DataPlane({
  workerIndex: start.workerIndex,
  workerCount: start.workerCount,
  node: start.node.id,
  zone: start.node.zone,
  region: start.node.region,
  slabOctets: start.slabOctets,
  poison: start.poison,
  guard: start.guard,
  maxRequestBodyOctets: start.maxRequestBodyOctets,
  maxTlsHandshakes: start.maxTlsHandshakes,
  onTlsFailure: (failure) => tlsFailures.note(failure),
  overload: new OverloadState(start.overload).words,
  // Times are written into shared memory, and each thread's own clock begins with the thread.
  nowMs: () => clockLeadMs + performance.now(),
  wallMs: () => Date.now(),
  // One seed per worker and process: workers that draw alike would herd.
  random: new SeededRandom(Math.trunc(Date.now() * 31 + start.workerIndex * 7919 + process.pid)),
  ids: new SystemRandom(),
  endpoints: new EndpointCounters(start.workerCount, start.endpointCounters),
  policyModules,
  outcomes: new SharedOutcomes(start.workerCount, start.outcomes),
  workerRow: row,
  onEndpointReleased: (slot) => endpointSlots.push(slot),
  onClusterReleased: (slot) => clusterSlots.push(slot),
  onDownstreamGone: () => tellLoad(),
  capture: start.anyIp && {
    anyIp: start.anyIp,
    identity: start.identity && (await callerIdentity(start.identity, start.node.id, say)),
    onUnknownCaller: (address, connections) => {
      const fields = { address, connections };
      say({
        kind: "log",
        level: "warn",
        message: "captured connections of nobody on this node are closed",
        fields,
      });
    },
  },
  port: {
    listeners: start.listeners.map(listenerOptions),
    loadHttp1: async (services) => new (await import("../http1/http1-server.ts")).Http1Server(services),
  },
});

let routesApplied: Promise<void> | undefined;
const askedAuthorities =
  start.resolveTimeoutMs === undefined
    ? undefined
    : dataPlane.askFor({
        waitMs: start.resolveTimeoutMs,
        ask: (authority) => say({ kind: "authority-wanted", authority }),
      });

const readsChosen = chooseSocketReads(say).then((reads) => {
  dataPlane.socketReads = reads;
});

function listenTo(listeners: readonly WorkerListener[]): void {
  // A path belongs to one.
  for (const listener of listeners)
    if (start.workerIndex === 0 || !listener.address.startsWith("unix:")) listen(listener);
}

function listen(listener: WorkerListener): void {
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true });
  dataPlane.serve(server, listener.name);
  server.on("error", (error: NodeJS.ErrnoException) => {
    if (!server.listening) say({ kind: "listen-failed", name: listener.name, error: error.message });
    else say({ kind: "log", level: "warn", message: "accept failed", fields: { error: error.message } });
  });
  server.on("listening", () => {
    const bound = server.address();
    const place = typeof bound === "string" || bound === null ? { address: String(bound), port: 0 } : bound;
    say({ kind: "listening", name: listener.name, address: place.address, port: place.port });
  });
  servers.push({ server, name: listener.name });
  const address = parseSocketAddress(listener.address)!;
  const reusePort = address.kind === "ip" && start.listening !== "own";
  server.listen({ ...address, backlog: LISTEN_BACKLOG, reusePort });
}

const servers: { readonly server: Server; readonly name: string }[] = [];
let drainDeadlineMs = Number.POSITIVE_INFINITY;
let listening = false;
let drained = false;

function drain(limitMs: number): void {
  // The port of captured connections stays: who still comes there is served, and canaries show that this process lives.
  for (const { server, name } of servers) if (name !== CAPTURE_LISTENER) server.close();
  dataPlane.drain();
  drainDeadlineMs = monotonicClock.nowMs() + limitMs;
  checkDrain();
}

function checkDrain(): void {
  if (drained || drainDeadlineMs === Number.POSITIVE_INFINITY) return;
  const late = monotonicClock.nowMs() >= drainDeadlineMs;
  const { canaries, waiting } = dataPlane.reception;
  const clients = dataPlane.downstreamConnections + waiting - canaries;
  if ((clients > 0 || handingOver !== undefined) && !late) return;
  drained = true;
  say({ kind: "drained", cutOff: late ? dataPlane.cutOff() : 0 });
}

const loads = new WorkerLoads(start.workerCount, start.loads);
loads.runsAs(start.workerIndex, currentThreadId());
/** Sockets that were handed over so far. */
let taken = 0;
/** The port that more of them may come through. */
let handingOver: MessagePort | undefined;

function takeFrom(acceptor: MessagePort): void {
  handingOver = acceptor;
  const closed = (): void => {
    if (handingOver !== acceptor) return;
    handingOver = undefined;
    checkDrain();
  };
  acceptor.on("message", (message: AcceptorToWorker) => {
    switch (message.kind) {
      case "connection":
        taken++;
        dataPlane.accept(message.socket, start.listeners[message.listener]!.name);
        return tellLoad();
      case "probe":
        return void import("./hand-over-probe.ts").then(({ answerProbe }) => answerProbe(message.socket));
      case "closed":
        return closed();
    }
  });
  // A socket that did not survive its way counts as one that has ended.
  acceptor.on("messageerror", () => {
    taken++;
    tellLoad();
  });
  acceptor.on("close", closed);
}

function tellLoad(): void {
  loads.ended(start.workerIndex, taken - dataPlane.downstreamConnections);
}

/** Says that the loop turns: by the timer, and with each message, of which many can come at once. */
function beat(): void {
  row[WorkerColumn.heartbeatMs] = Date.now();
}

port.on("message", (message: MainToWorker) => {
  beat();
  switch (message.kind) {
    case "cluster":
      return dataPlane.applyCluster(message.snapshot, message.counters, message.changes, message.subset);
    case "cluster-removed":
      return dataPlane.removeCluster(message.clusterSlot);
    case "routes":
      routesApplied = dataPlane.applyRoutes(message);
      return;
    case "authorities":
      if (routesApplied === undefined) return askedAuthorities?.apply(message.news);
      // Requests that go on are decided by the routes that were sent before.
      routesApplied = routesApplied.then(() => askedAuthorities?.apply(message.news));
      return;
    case "snapshot-complete":
      if (!listening) collectGarbage();
      if (!listening) {
        void Promise.all([readsChosen, routesApplied]).then(() => {
          if (drainDeadlineMs !== Number.POSITIVE_INFINITY) return;
          say({ kind: "serving" });
          if (start.listening !== "handed") listenTo(start.listeners);
        });
      }
      listening = true;
      return;
    case "place":
      return dataPlane.moveTo(message);
    case "tls-identity":
      return dataPlane.setTlsIdentity(message.identity);
    case "tls-identity-removed":
      return dataPlane.removeTlsIdentity(message.number);
    case "acceptor-port":
      return takeFrom(message.port);
    case "listen":
      return listenTo(message.listeners);
    case "drain":
      return drain(message.limitMs);
    case "access-log":
      dataPlane.accessLog.enabled = message.enabled;
      dataPlane.accessLog.sample = message.sample;
      return;
    case "tracing":
      return dataPlane.tracer.configure(message);
    case "callers":
      return dataPlane.reception.applyCallers(message.callers, message.leftClasses);
    case "captured":
      return dataPlane.reception.applyServices(message);
    case "plan-in-force":
      return dataPlane.reception.planInForce();
    case "fleet":
      return dataPlane.setFleet(message.fleet, message.cluster, message.subsets);
    case "explain":
      return dataPlane.explain.configure(message);
    case "explain-ask":
      return void import("./answer-explain.ts").then(({ answerExplain }) => {
        const answer = answerExplain(message, dataPlane.explain);
        port.postMessage(answer, [answer.records.buffer]);
      });
  }
});

/** @returns streams, and connections that are passed on octet by octet. */
function openCount(): number {
  const first = WorkerColumn.downstreamConnections;
  return dataPlane.streams + row[first + 1]! + row[first + 2]! + row[first + 3]!;
}

const restTrim = new RestTrim();
beat();
let beatMs = monotonicClock.nowMs();
setInterval(() => {
  const nowMs = monotonicClock.nowMs();
  observeMs(row, WorkerColumn.stall, nowMs - beatMs - HEARTBEAT_MS);
  beatMs = nowMs;
  beat();
  const heap = getHeapStatistics() as HeapInfo & { readonly total_allocated_bytes?: number };
  row[WorkerColumn.heapUsedOctets] = heap.used_heap_size;
  row[WorkerColumn.heapAllocatedOctets] = heap.total_allocated_bytes ?? 0;
  dataPlane.sample();
  // Canaries come every second, and are nobody's calls. What has begun is as of now, as they are.
  const begun = row[WorkerColumn.streamsStarted]! - dataPlane.reception.canaryRequests;
  restTrim.look(nowMs, begun, openCount(), heap.total_heap_size);
  dataPlane.sweep();
  askedAuthorities?.sweep();
  if (start.listening === "handed") {
    loads.streams(start.workerIndex, dataPlane.streams);
    tellLoad();
  }
  checkDrain();
  const lines = dataPlane.accessLog.take();
  if (lines !== undefined) say({ kind: "access-log", ...lines });
  const batches = dataPlane.tracer.take();
  if (batches !== undefined) say({ kind: "traced", batches, lost: dataPlane.tracer.lost });
  if (endpointSlots.length > 0 || clusterSlots.length > 0) {
    say({ kind: "epoch", endpointSlots, clusterSlots });
    endpointSlots = [];
    clusterSlots = [];
  }
}, HEARTBEAT_MS);
