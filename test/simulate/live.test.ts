import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { SeededRandom } from "../../src/base/random.ts";
import type { LoadBalancing } from "../../src/resource/load-balancing.ts";
import { LOAD_BALANCING_DEFAULTS } from "../../src/resource/load-balancing.ts";
import type { RecordedTrace } from "../../src/sim/scenario.ts";
import { drawExponential } from "../../src/sim/service-model.ts";
import { callerGroup, contestant, endpointGroup, figures, scenario } from "../sim/scenarios.ts";
import type { LiveRequest } from "./live-fleet.ts";
import { LiveFleet } from "./live-fleet.ts";

/*
 * The simulator against reality: 10 Isobar processes in front of 40 endpoints per policy that serve one request of 100 ms at a time. The very same
 * requests are played live and in the simulator; picks differ by chance.
 */

const PROXIES = 10;
const ENDPOINTS = 40;
const SERVICE_MS = 100;
const LOAD = 0.6;
const WARMUP_MS = 8_000;
const DURATION_MS = 68_000;
const SEEDS = 8;
/** How far the live p99 may be from the simulator's. */
const TOLERANCE = 0.15;
/** Policies that are nearer to each other than this in the simulator have no rank. */
const TIE = 0.05;
/** A machine that stands still for longer than this is what is measured: a p99 of a minute is made of half a second. */
const CALM_MS = 250;

const SUBSET = { enabled: true, minEndpoints: 8, coverage: 2 };
const POLICIES: readonly {
  readonly name: string;
  readonly lb: Partial<LoadBalancing>;
  readonly yaml: string;
}[] = [
  { name: "random", lb: { policy: "random" }, yaml: "{ policy: random }" },
  { name: "round-robin", lb: { policy: "round_robin" }, yaml: "{ policy: round_robin }" },
  { name: "least-request", lb: { policy: "least_request" }, yaml: "{ policy: least_request }" },
  {
    name: "subset",
    lb: {
      policy: "least_request",
      subset: SUBSET,
      locality: { ...LOAD_BALANCING_DEFAULTS.locality, distribution: "none" },
    },
    yaml: "{ policy: least_request, locality: { distribution: none }, subset: { enabled: true, minEndpoints: 8, coverage: 2 } }",
  },
];

function requests(): LiveRequest[] {
  const random = new SeededRandom(42);
  const ratePerMs = (LOAD * ENDPOINTS) / SERVICE_MS;
  const all: LiveRequest[] = [];
  for (let atMs = 0; ; ) {
    atMs += drawExponential(random) / ratePerMs;
    if (atMs > DURATION_MS) return all;
    all.push({ atMs, serviceMs: SERVICE_MS * drawExponential(random), proxy: random.nextInt(PROXIES) });
  }
}

function percentile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.ceil(share * values.length) - 1]!;
}

describe("a live fleet does what the simulator says", { timeout: 600_000 }, () => {
  const fleet = new LiveFleet();
  const all = requests();
  const live = POLICIES.map(({ name, yaml }) => ({ name, loadBalancer: yaml }));
  let liveP99s: number[] = [];
  let simulatedP99s: number[] = [];
  let latenessMs = 0;
  let failed = 0;

  before(async () => {
    await fleet.start(PROXIES, ENDPOINTS, live);
    const { latencies, latenessesMs } = await fleet.play(all, live);
    latenessMs = percentile(latenessesMs, 1);
    liveP99s = latencies.map((values) => {
      const measured = Array.from(values).filter((_, i) => all[i]!.atMs >= WARMUP_MS);
      failed += measured.filter(Number.isNaN).length;
      return percentile(measured, 0.99);
    });
    const trace: RecordedTrace = {
      arrivalMs: Float64Array.from(all, ({ atMs }) => atMs),
      serviceMs: Float64Array.from(all, ({ serviceMs }) => serviceMs),
      caller: Int32Array.from(all, ({ proxy }) => proxy),
    };
    const simulated = scenario({
      durationMs: DURATION_MS,
      warmupMs: WARMUP_MS,
      network: { sameZoneMs: 0.5, crossZoneMs: 0.5 },
      endpoints: [endpointGroup({ count: ENDPOINTS })],
      callers: [callerGroup({ count: PROXIES })],
      traffic: { ...scenario().traffic, load: 0, trace },
    });
    simulatedP99s = POLICIES.map(({ lb, name }) => {
      const p99s = Array.from({ length: SEEDS }, (_, seed) => {
        return figures(simulated, contestant(lb, { fleet: name === "subset" }), seed + 1).p99;
      });
      return p99s.reduce((sum, p99) => sum + p99, 0) / SEEDS;
    });
  });
  after(() => fleet.stop());

  it("no request fails", () => {
    assert.equal(failed, 0);
  });

  it("policies have the same rank", (t) => {
    const text = POLICIES.map(
      ({ name }, i) =>
        `${name}: live ${liveP99s[i]!.toFixed(0)} ms, simulated ${simulatedP99s[i]!.toFixed(0)} ms`,
    );
    t.diagnostic(`p99 ${text.join("; ")}; timers late by ${latenessMs.toFixed(0)} ms at most`);
    if (!isCalm()) return t.skip(busy());
    for (const [i, { name }] of POLICIES.entries()) {
      for (const [k, other] of POLICIES.entries()) {
        if (simulatedP99s[i]! * (1 + TIE) > simulatedP99s[k]!) continue;
        assert.ok(liveP99s[i]! < liveP99s[k]!, `${name} before ${other.name}`);
      }
    }
  });

  POLICIES.forEach(({ name }, i) => {
    it(`${name}: the p99 is within ${TOLERANCE * 100} %`, (t) => {
      if (!isCalm()) return t.skip(busy());
      const ratio = liveP99s[i]! / simulatedP99s[i]!;
      assert.ok(Math.abs(ratio - 1) <= TOLERANCE, `live / simulated ${ratio.toFixed(3)}`);
    });
  });

  function isCalm(): boolean {
    return latenessMs <= CALM_MS;
  }

  function busy(): string {
    return `the machine is busy: timers late by ${latenessMs.toFixed(0)} ms, wanted at most ${CALM_MS}`;
  }
});
