import assert from "node:assert/strict";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { SeededRandom } from "../../../src/base/random.ts";
import type { ExplainedMessage } from "../../../src/daemon/worker-messages.ts";
import { decodePickDump, encodePickDump } from "../../../src/lb/record/pick-dump.ts";
import { readRecords } from "../../../src/lb/record/pick-record.ts";
import { PickReplayer } from "../../../src/lb/record/pick-replayer.ts";
import { clusterSettings } from "../../../src/resource/cluster-settings.ts";
import { ClusterSnapshot } from "../../../src/resource/cluster-snapshot.ts";
import { encodeClusterSnapshot } from "../../../src/resource/encode-cluster-snapshot.ts";
import type { LoadBalancingPolicy, LoadMetric } from "../../../src/resource/load-balancing.ts";
import { LOAD_BALANCING_DEFAULTS } from "../../../src/resource/load-balancing.ts";
import { SetAside } from "../../../src/resource/set-aside.ts";
import { SlotRegistry } from "../../../src/resource/slot-registry.ts";
import { ClusterCounters } from "../../../src/telemetry/cluster-counters.ts";
import { EndpointCounters } from "../../../src/telemetry/endpoint-counters.ts";
import { cluster, endpoint } from "../../resource/cluster-builder.ts";
import type { PickingWorkerMessage, PickingWorkerStart } from "./picking-worker.ts";

const RECORDS = 1_000_000;
const WORKERS = 2;
const RING = 16_384;

interface PickedCluster {
  readonly policy: LoadBalancingPolicy;
  readonly metric: LoadMetric;
  /** Each worker has a slice of a fleet of its own, and goes beyond it when that is busy. */
  readonly isSliced?: boolean;
}

const CLUSTERS: readonly PickedCluster[] = [
  { policy: "least_request", metric: "in_flight" },
  { policy: "least_request", metric: "in_flight", isSliced: true },
  { policy: "least_request", metric: "utilization", isSliced: true },
  { policy: "least_request", metric: "peak_ewma" },
  { policy: "least_request", metric: "utilization" },
  { policy: "least_request", metric: "locality_aware" },
  { policy: "round_robin", metric: "in_flight" },
  { policy: "random", metric: "in_flight" },
  { policy: "client_side_weighted_round_robin", metric: "in_flight" },
  { policy: "ring_hash", metric: "in_flight" },
  { policy: "maglev", metric: "in_flight" },
];

test(`${RECORDS} picks of ${WORKERS} workers at full load, with endpoints, verdicts and loads changing, all replay`, {
  timeout: 300_000,
}, async (context) => {
  const endpoints = new EndpointCounters(WORKERS);
  const registry = new SlotRegistry({ workerCount: WORKERS });
  const random = new SeededRandom(11);
  const workers = Array.from({ length: WORKERS }, (_, worker) => {
    const workerData: PickingWorkerStart = {
      worker,
      workerCount: WORKERS,
      endpoints: endpoints.buffers,
      ring: RING,
    };
    return new Worker(new URL("./picking-worker.ts", import.meta.url), { workerData });
  });
  let fault: Error | undefined;
  for (const worker of workers) {
    worker.on("error", (error) => {
      fault = error as Error;
    });
  }
  const send = (message: PickingWorkerMessage): void => {
    for (const worker of workers) worker.postMessage(message);
  };
  const counters = CLUSTERS.map(() => new ClusterCounters(WORKERS));
  const slots: number[] = [];
  const publish = (which: number): void => {
    const source = clusterWith(which, CLUSTERS[which]!, random);
    const snapshot = encodeClusterSnapshot(source, registry.assign(source));
    const opened = new ClusterSnapshot(snapshot);
    for (let i = 0; i < opened.count; i++) slots.push(opened.slotAt(i));
    send({ kind: "cluster", snapshot, counters: counters[which]!.buffer as SharedArrayBuffer });
  };
  for (const which of CLUSTERS.keys()) publish(which);

  // Another thread's verdicts and measurements, all the while.
  let changes = 0;
  const churn = setInterval(() => {
    publish(changes % CLUSTERS.length);
    for (let i = 0; i < 10; i++) {
      const slot = slots[random.nextInt(slots.length)]!;
      endpoints.markAside(endpoints.mainRowStart, slot, SetAside.healthCheck, random.nextInt(2) === 0);
      endpoints.measures.peerInFlight(
        slot,
        random.nextInt(40),
        performance.timeOrigin + performance.now() - 1.7e12,
      );
    }
    changes++;
  }, 15);

  const replayer = { picks: 0, moved: 0, beyond: 0, withoutView: 0, views: new Set<string>() };
  const lastNumber = new Int32Array(WORKERS);
  try {
    for (let id = 1; replayer.picks < RECORDS; id++) {
      // Replaying keeps the timer from running: two changes more for each look.
      publish((2 * id) % CLUSTERS.length);
      publish((2 * id + 1) % CLUSTERS.length);
      const answers = await Promise.all(workers.map((worker) => ask(worker, id, () => fault)));
      answers.forEach((answer, worker) => {
        replayAll(worker, answer, lastNumber, replayer);
      });
    }
  } finally {
    clearInterval(churn);
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
  context.diagnostic(
    `${replayer.picks} replayed, ${replayer.moved} of them of requests sent on, ${replayer.beyond} beyond slices, ${replayer.views.size} views, ` +
      `${changes} changes of endpoints, ${replayer.withoutView} without a view`,
  );
  assert.ok(changes > 20 && replayer.views.size > 100 && replayer.moved > RECORDS / 50);
  assert.ok(replayer.beyond > RECORDS / 500, "picks that went beyond their slice were among them");
  assert.ok(replayer.withoutView < RECORDS / 100);
});

interface Tally {
  picks: number;
  moved: number;
  beyond: number;
  withoutView: number;
  readonly views: Set<string>;
}

/** Replays what has not been seen before, after a way through a file. */
function replayAll(worker: number, answer: ExplainedMessage, lastNumber: Int32Array, tally: Tally): void {
  const views = answer.views.map((view) => ({ ...view, snapshot: new ClusterSnapshot(view.snapshot) }));
  const { nowMs, wallMs, records } = answer;
  const [account] = decodePickDump(encodePickDump([{ worker, nowMs, wallMs, records, views }]));
  const byNumber = new Map(account!.views.map((view) => [view.number, view]));
  const replayer = new PickReplayer();
  for (const record of readRecords(account!.records)) {
    if (record.number <= lastNumber[worker]!) continue;
    lastNumber[worker] = record.number;
    const view = byNumber.get(record.view);
    if (view === undefined) {
      tally.withoutView++;
      continue;
    }
    const { difference } = replayer.replay(record, view);
    if (difference !== "") {
      const { policy, metric } = view.snapshot.settings.loadBalancing;
      assert.fail(`${policy}/${metric}, record ${record.number} of worker ${worker}: ${difference}`);
    }
    tally.picks++;
    if (record.tried.length > 0) tally.moved++;
    if (!view.tiers.some(({ slots }) => slots.includes(record.picked))) tally.beyond++;
    tally.views.add(`${worker}/${record.view}`);
  }
}

function ask(worker: Worker, id: number, fault: () => Error | undefined): Promise<ExplainedMessage> {
  return new Promise((resolve, reject) => {
    const failed = (): void => reject(fault() ?? new Error("the worker ended"));
    worker.once("exit", failed);
    worker.once("message", (message: ExplainedMessage) => {
      worker.off("exit", failed);
      resolve(message);
    });
    worker.postMessage({ kind: "ask", id } satisfies PickingWorkerMessage);
  });
}

function clusterWith(which: number, { policy, metric, isSliced }: PickedCluster, random: SeededRandom) {
  const name = `service-${which}.test:50051`;
  const hash = {
    ...LOAD_BALANCING_DEFAULTS.hash,
    minRingSize: 64,
    maxRingSize: 2048,
    tableSize: 2039,
    balanceFactor: which % 2 === 0 ? 130 : 0,
  };
  const slowStart = which % 3 === 0 ? { windowMs: 2000, aggression: 1, minShare: 0.1 } : null;
  const subset = { enabled: isSliced === true, minEndpoints: 4, coverage: 1 };
  const settings = clusterSettings({ loadBalancing: { policy, metric, hash, slowStart, subset } });
  const endpoints = Array.from({ length: 60 }, (_, n) => n)
    .filter(() => random.nextInt(4) > 0)
    .map((n) =>
      endpoint(
        which * 100 + n,
        {
          zone: `zone-${"abc"[n % 3]}`,
          weight: 1 + random.nextInt(4),
          health: random.nextInt(10) === 0 ? "unhealthy" : "healthy",
        },
        name,
      ),
    );
  return cluster(endpoints, { name, settings });
}
