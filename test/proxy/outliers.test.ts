import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { SeededRandom } from "../../src/base/random.ts";
import { HealthMonitor } from "../../src/health/health-monitor.ts";
import { EJECTION_REASONS } from "../../src/lb/outlier/outlier-detector.ts";
import { clusterSettings } from "../../src/resource/cluster-settings.ts";
import type { LoadBalancingPolicy } from "../../src/resource/load-balancing.ts";
import type { OutlierDetection } from "../../src/resource/outlier-detection.ts";
import { OUTLIER_DETECTION_DEFAULTS } from "../../src/resource/outlier-detection.ts";
import { SetAside } from "../../src/resource/set-aside.ts";
import type { ClusterCounters } from "../../src/telemetry/cluster-counters.ts";
import { ClusterColumn } from "../../src/telemetry/cluster-counters.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { LocalProxy } from "./fixture/local-proxy.ts";
import type { RawStream } from "./fixture/raw-backend.ts";
import { Flag, frame, literal, RawBackend, RESPONSE_HEADERS, Type } from "./fixture/raw-backend.ts";
import { RawClient } from "./fixture/raw-client.ts";
import { until } from "./fixture/until.ts";

const UNAVAILABLE = literal("grpc-status", "14");
const SERVICE_MS = 4;
/** Time for everything to happen quickly: ejections of 1.5 s, rates of 2 s. */
const QUICK: Partial<OutlierDetection> = { baseEjectionMs: 1_500, maxEjectionMs: 10_000, intervalMs: 2_000 };

type Behaviour = (stream: RawStream) => void;

const well: Behaviour = ({ connection, id }) => {
  setTimeout(() => connection.answer(id), SERVICE_MS);
};

/** Fails every other request at once: all in one header section. */
function failingTrailersOnly(isWell: () => boolean): Behaviour {
  let count = 0;
  return (stream) => {
    if (isWell() || ++count % 2 === 0) return well(stream);
    const block = Buffer.concat([RESPONSE_HEADERS, UNAVAILABLE]);
    const flags = Flag.endHeaders | Flag.endStream;
    stream.connection.send(frame(Type.headers, flags, stream.id, block));
  };
}

/** Fails every other request at once, but only after headers and a message. */
function failingAfterData(isWell: () => boolean): Behaviour {
  let count = 0;
  return (stream) => {
    if (isWell() || ++count % 2 === 0) return well(stream);
    const { connection, id } = stream;
    connection.send(
      frame(Type.headers, Flag.endHeaders, id, RESPONSE_HEADERS),
      frame(Type.data, 0, id, Buffer.from([0, 0, 0, 0, 1, 7])),
      frame(Type.headers, Flag.endHeaders | Flag.endStream, id, UNAVAILABLE),
    );
  };
}

/** What clients saw of a run. */
interface Run {
  readonly calls: number;
  readonly errors: number;
  /** Errors in the run's second half. */
  readonly lateErrors: number;
  /** 99th percentile of the answers that came, ms. */
  readonly p99Ms: number;
  readonly row: Float64Array;
  readonly ejections: number;
}

/** A proxy with the main thread's part beside it, five endpoints that are well and one that is not. */
class Stage {
  readonly proxy: LocalProxy;
  readonly monitor: HealthMonitor;
  readonly backends: RawBackend[] = [];
  counters!: ClusterCounters;
  readonly #samples: NodeJS.Timeout;
  readonly #policy: LoadBalancingPolicy;

  private constructor(proxy: LocalProxy, policy: LoadBalancingPolicy) {
    this.proxy = proxy;
    this.#policy = policy;
    this.monitor = new HealthMonitor({
      endpoints: proxy.endpoints,
      outcomes: proxy.outcomes,
      random: new SeededRandom(3),
      nowMs: () => performance.now(),
      log: createLog({ level: "silent" }),
    });
    this.#samples = setInterval(() => proxy.dataPlane.sample(), 250);
  }

  /** @param policy round_robin keeps sending to whoever fails, until that is ejected. */
  static async start(
    bad: Behaviour,
    detection: Partial<OutlierDetection> | null,
    policy: LoadBalancingPolicy = "least_request",
    others: Behaviour = well,
  ): Promise<Stage> {
    const stage = new Stage(await LocalProxy.start(), policy);
    for (const behaviour of [bad, others, others, others, others, others])
      stage.backends.push(await RawBackend.start({ onRequest: behaviour }));
    stage.apply(detection);
    return stage;
  }

  apply(detection: Partial<OutlierDetection> | null): void {
    const outlierDetection = detection === null ? null : { ...OUTLIER_DETECTION_DEFAULTS, ...detection };
    const { snapshot, counters } = this.proxy.apply(
      this.backends.map(({ port }) => port),
      { settings: clusterSettings({ outlierDetection, loadBalancing: { policy: this.#policy } }) },
    );
    this.counters = counters;
    this.monitor.set(snapshot, counters);
  }

  /** The worker's counts of the cluster. */
  get row(): Float64Array {
    return this.proxy.row();
  }

  /** The first endpoint's set-aside bits. */
  get reasons(): number {
    return this.proxy.endpoints.asideReasons(this.proxy.slotOf(this.backends[0]!.port));
  }

  /** Calls at a constant rate. */
  async load(ms: number, perSecond: number, headers = {}): Promise<Run> {
    const client = new RawClient(this.proxy.port);
    const calls: Promise<void>[] = [];
    const times: number[] = [];
    let errors = 0;
    let lateErrors = 0;
    const startMs = performance.now();
    while (performance.now() - startMs < ms) {
      const due = ((performance.now() - startMs) / 1_000) * perSecond;
      while (calls.length < due) {
        const beganMs = performance.now();
        calls.push(
          client.call(Buffer.alloc(8), headers).then(({ status }) => {
            if (status === 0) times.push(performance.now() - beganMs);
            else errors++;
            if (status !== 0 && beganMs - startMs > ms / 2) lateErrors++;
          }),
        );
      }
      await sleep(2);
    }
    await Promise.all(calls);
    client.close();
    times.sort((a, b) => a - b);
    const row = this.proxy.row().slice();
    const reasons = EJECTION_REASONS.map((_, i) => this.counters.onMain(ClusterColumn.ejections + i));
    return {
      calls: calls.length,
      errors,
      lateErrors,
      p99Ms: times[Math.floor(times.length * 0.99)] ?? 0,
      row,
      ejections: reasons.reduce((sum, each) => sum + each, 0),
    };
  }

  async close(): Promise<void> {
    clearInterval(this.#samples);
    this.monitor.close();
    for (const backend of this.backends) backend.stop();
    await this.proxy.close();
  }
}

let stage: Stage | undefined;
afterEach(async () => {
  await stage?.close();
  stage = undefined;
});

const never = () => false;

describe("an endpoint that fails half of its requests at once", () => {
  for (const [name, behaviour] of [
    ["by a status in trailers alone", failingTrailersOnly],
    ["by a status after headers and data", failingAfterData],
  ] as const) {
    it(`${name} is ejected after a few errors, and costs hardly one after`, async (t) => {
      stage = await Stage.start(behaviour(never), QUICK, "round_robin");
      const on = await stage.load(4_000, 500);
      const { ejections } = on;
      t.diagnostic(
        `${on.errors} errors of ${on.calls}, ${on.lateErrors} in the second half, ${ejections} ejections`,
      );
      assert.ok(ejections >= 1);
      assert.ok(on.errors < on.calls * 0.03, `${on.errors} errors of ${on.calls}`);
      assert.ok(on.lateErrors <= 8, `${on.lateErrors} errors in the second half`);
      assert.notEqual(stage.reasons & SetAside.outlier, 0, "it is out, or in trial");
    });

    it(`${name} gets no more than a trickle under least_request even before`, async (t) => {
      stage = await Stage.start(behaviour(never), null);
      const off = await stage.load(3_000, 500);
      t.diagnostic(`${off.errors} errors of ${off.calls}`);
      // Its share by chance would be 1 / 12 of the calls.
      assert.ok(off.errors < off.calls * 0.03, `${off.errors} errors of ${off.calls}`);
      assert.equal(stage.reasons, 0);
    });
  }

  it("comes back one request at a time when it is well again, and then has its full share", async () => {
    let isWell = false;
    stage = await Stage.start(
      failingTrailersOnly(() => isWell),
      QUICK,
      "round_robin",
    );
    await stage.load(1_500, 400);
    assert.notEqual(stage.reasons & SetAside.outlier, 0);
    isWell = true;
    const slot = stage.proxy.slotOf(stage.backends[0]!.port);
    const requests = () => stage!.proxy.endpoints.requestsOf(slot);
    const before = requests();
    const load = stage.load(7_000, 200);
    await until("taken back", () => stage!.reasons === 0, { limitMs: 6_900 });
    assert.ok(requests() - before <= 12, `${requests() - before} requests before it was taken back`);
    const { errors } = await load;
    assert.equal(errors, 0);
    assert.ok(requests() - before > 30, `${requests() - before} requests in all`);
  });
});

describe("an endpoint that takes requests and never answers", () => {
  it("is found by deadlines that the others keep", async (t) => {
    stage = await Stage.start(() => {}, QUICK, "round_robin");
    const run = await stage.load(4_000, 300, { "grpc-timeout": "300m" });
    t.diagnostic(`${run.errors} errors of ${run.calls}, ${run.lateErrors} in the second half`);
    assert.notEqual(stage.reasons & SetAside.outlier, 0);
    assert.ok(run.errors < run.calls * 0.05, `${run.errors} errors of ${run.calls}`);
    assert.ok(run.lateErrors <= 10, `${run.lateErrors} in the second half`);
  });
});

describe("deadlines that nobody keeps", () => {
  it("eject nobody", async () => {
    const slow: Behaviour = ({ connection, id }) => {
      setTimeout(() => connection.answer(id), 40);
    };
    stage = await Stage.start(slow, QUICK, "least_request", slow);
    await stage.load(500, 300);
    const run = await stage.load(1_500, 300, { "grpc-timeout": "10m" });
    assert.ok(run.errors > run.calls / 2, `${run.errors} errors of ${run.calls}`);
    for (const { port } of stage.backends)
      assert.equal(stage.proxy.endpoints.asideReasons(stage.proxy.slotOf(port)), 0);
  });
});

describe("endpoints that refuse for load", () => {
  it("are not ejected", async () => {
    stage = await Stage.start((stream) => answerWith(stream, 8), QUICK);
    const run = await stage.load(1_500, 300);
    assert.ok(run.errors > 20);
    assert.equal(stage.reasons, 0);
  });
});

/** Answers with a status in trailers alone. */
function answerWith({ connection, id }: RawStream, grpcStatus: number): void {
  const block = Buffer.concat([RESPONSE_HEADERS, literal("grpc-status", String(grpcStatus))]);
  connection.send(frame(Type.headers, Flag.endHeaders | Flag.endStream, id, block));
}

describe("a status that programs make of an exception", () => {
  const UNKNOWN = 2;
  const INTERNAL = 13;

  it("ejects nobody when one bad request is sent again and again, to whichever endpoint", async () => {
    for (const status of [UNKNOWN, INTERNAL]) {
      const failing: Behaviour = (stream) => answerWith(stream, status);
      stage = await Stage.start(failing, QUICK, "round_robin", failing);
      const client = new RawClient(stage.proxy.port);
      // One after the other: every endpoint answers some dozens of them in a row.
      for (let i = 0; i < 200; i++) assert.equal((await client.call(Buffer.alloc(8))).status, status);
      client.close();
      await sleep(400);
      for (const { port } of stage.backends)
        assert.equal(stage.proxy.endpoints.asideReasons(stage.proxy.slotOf(port)), 0);
      assert.equal(stage.row[ClusterColumn.ejectionsRefused], 0);
      await stage.close();
      stage = undefined;
    }
  });

  it("ejects an endpoint that answers so while the others do not", async (t) => {
    stage = await Stage.start((stream) => answerWith(stream, UNKNOWN), QUICK, "round_robin");
    const run = await stage.load(3_000, 400);
    t.diagnostic(`${run.errors} errors of ${run.calls}, ${run.lateErrors} in the second half`);
    assert.notEqual(stage.reasons & SetAside.outlier, 0);
    assert.ok(run.errors < run.calls * 0.08, `${run.errors} errors of ${run.calls}`);
  });
});

describe("a connection that breaks under many streams", () => {
  it("is one failure, not as many as it had streams", async () => {
    const held: RawStream[] = [];
    stage = await Stage.start(
      (stream) => {
        if (held.push(stream) === 12) for (const { connection } of held) connection.socket.destroy();
        if (held.length > 12) well(stream);
      },
      QUICK,
      "round_robin",
    );
    const run = await stage.load(1_500, 400);
    assert.ok(held.length >= 12);
    assert.ok(run.errors >= 12);
    assert.equal(stage.reasons & SetAside.outlier, 0);
  });
});

describe("an endpoint that is ten times slower", () => {
  it("hardly moves the clients' tail, and is not ejected for it", async (t) => {
    const slow: Behaviour = ({ connection, id }) => {
      setTimeout(() => connection.answer(id), 10 * SERVICE_MS);
    };
    stage = await Stage.start(slow, QUICK);
    const run = await stage.load(2_500, 400);
    const slot = stage.proxy.slotOf(stage.backends[0]!.port);
    const share = stage.proxy.endpoints.requestsOf(slot) / run.calls;
    t.diagnostic(`p99 ${run.p99Ms.toFixed(1)} ms, share ${(100 * share).toFixed(1)} %`);
    assert.equal(run.errors, 0);
    assert.equal(stage.reasons, 0);
    assert.ok(share < 1 / 6);
  });
});
