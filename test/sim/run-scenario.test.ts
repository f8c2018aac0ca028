import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { runScenario } from "../../src/sim/run-scenario.ts";
import { callerGroup, contestant, endpointGroup, figures, scenario } from "./scenarios.ts";

const RANDOM = contestant({ policy: "random" });
const LEAST_REQUEST = contestant({ policy: "least_request" });
const ORACLE = contestant({}, { kind: "oracle" });

function near(actual: number, expected: number, tolerance: number, what: string): void {
  assert.ok(Math.abs(actual / expected - 1) < tolerance, `${what}: ${actual}, wanted ${expected}`);
}

describe("queueing theory", () => {
  it("a random pick makes each endpoint an M/M/1 queue: sojourn is exponential with mean s / (1 - load)", () => {
    for (const load of [0.5, 0.8]) {
      const traffic = { ...scenario().traffic, load };
      const long = scenario({ traffic, durationMs: 400_000, endpoints: [endpointGroup({ count: 40 })] });
      const { p50, p99 } = figures(long, RANDOM);
      near(p50, (Math.log(2) * 10) / (1 - load), 0.04, `median at load ${load}`);
      near(p99, (Math.log(100) * 10) / (1 - load), 0.08, `p99 at load ${load}`);
    }
  });

  it("one endpoint with 4 servers is an M/M/4 queue: as many wait as Erlang says", () => {
    const single = scenario({ durationMs: 2_000_000, endpoints: [endpointGroup({ count: 1, servers: 4 })] });
    const { windows } = runScenario(single, RANDOM, 1, 2);
    // Erlang C for 4 servers at load 0.8 is 0.5964: P(wait > t) = 0.5964 × exp(-(4 - 3.2) t / 10 ms), and the sojourn is that plus the service.
    const waits = 0.5964;
    const slower = (t: number) => {
      const service = Math.exp(-t / 10);
      // Wait is exponential with rate 0.08 / ms for those who wait, service with 0.1 / ms.
      return (1 - waits) * service + waits * ((0.1 * Math.exp(-0.08 * t) - 0.08 * Math.exp(-0.1 * t)) / 0.02);
    };
    let all = 0;
    let over = 0;
    for (const { latencies } of windows.slice(2)) {
      latencies.forEach((count, bucket) => {
        all += count;
        if (0.01 * 1.005 ** (bucket - 0.5) > 40) over += count;
      });
    }
    near(over / all, slower(40), 0.06, "share slower than 40 ms");
  });

  it("the network adds its delay twice, and another zone's endpoints are further", () => {
    const light = { ...scenario().traffic, load: 0.01, service: { kind: "fixed", meanMs: 10 } as const };
    const network = { sameZoneMs: 1, crossZoneMs: 5 };
    const near12 = figures(scenario({ traffic: light, network }), RANDOM);
    near(near12.p50, 12, 0.006, "same zone");
    const far = scenario({ traffic: light, network, callers: [callerGroup({ zone: "b" })] });
    near(figures(far, RANDOM).p50, 20, 0.006, "other zone");
  });
});

describe("repeating", () => {
  it("the same seed gives the same octets, another seed others", () => {
    const run = (seed: number) => runScenario(scenario({ durationMs: 20_000 }), LEAST_REQUEST, 1, seed);
    assert.deepEqual(run(7), run(7));
    assert.notDeepEqual(run(7), run(8));
  });

  it("all contestants meet the same requests", () => {
    const short = scenario({ durationMs: 20_000 });
    const counts = [RANDOM, LEAST_REQUEST, ORACLE].map((each) => runScenario(short, each, 1, 3).simulated);
    assert.equal(new Set(counts).size, 1, String(counts));
  });
});

describe("contestants", () => {
  it("come out in the order of what they know", () => {
    const many = scenario({ endpoints: [endpointGroup({ count: 40 })], durationMs: 40_000 });
    const leastLoaded = contestant({}, { kind: "least_loaded" });
    const p99s = [RANDOM, LEAST_REQUEST, ORACLE, leastLoaded].map((each) => figures(many, each).p99);
    assert.deepEqual(
      p99s,
      p99s.toSorted((a, b) => b - a),
      String(p99s),
    );
    assert.ok(p99s[0]! > 1.5 * p99s[2]!, String(p99s));
  });

  it("per connection pins each channel: with one channel for all traffic one endpoint gets it all", () => {
    const perConnection = contestant({}, { kind: "per_connection" });
    const one = scenario({ callers: [callerGroup({ count: 1 })], durationMs: 20_000 });
    const { imbalance } = figures({ ...one, traffic: { ...one.traffic, load: 0.05 } }, perConnection);
    near(imbalance, 10, 0.001, "largest / mean of 10 endpoints");
  });

  it("a fleet whose proxies hear of each other does better than one whose proxies do not", () => {
    const wide = scenario({
      endpoints: [endpointGroup({ count: 40 })],
      callers: [callerGroup({ count: 40 })],
      durationMs: 40_000,
    });
    const hearing = contestant({ policy: "least_request" }, { peerReports: { intervalMs: 50, delayMs: 5 } });
    assert.ok(figures(wide, hearing).p99 < 0.95 * figures(wide, LEAST_REQUEST).p99);
  });

  it("zones are kept to while their own endpoints can take the load", () => {
    const zones = ["a", "b", "c"];
    const zonal = scenario({
      endpoints: zones.map((zone) => endpointGroup({ zone })),
      callers: zones.map((zone) => callerGroup({ zone })),
      traffic: { ...scenario().traffic, load: 0.5 },
    });
    assert.ok(figures(zonal, LEAST_REQUEST).crossZoneShare < 0.05);
    const alike = contestant({
      locality: { ...LEAST_REQUEST.settings.loadBalancing.locality, distribution: "none" },
    });
    near(figures(zonal, alike).crossZoneShare, 2 / 3, 0.05, "cross-zone share without zones");
  });
});

describe("endpoints that are not well", () => {
  const light = { ...scenario().traffic, load: 0.2 };

  it("fail the share they are told to", () => {
    const failing = scenario({ traffic: light, endpoints: [endpointGroup({ failShare: 0.3 })] });
    near(figures(failing, RANDOM).errorShare, 0.3, 0.05, "share of errors");
  });

  it("swallow what they get, until the caller gives up", () => {
    const endpoints = [
      endpointGroup({ count: 9 }),
      endpointGroup({ name: "hole", count: 1, blackHoled: true }),
    ];
    near(figures(scenario({ traffic: light, endpoints }), RANDOM).errorShare, 0.1, 0.1, "share of errors");
  });

  it("change on the way, and are left alone when discovery says so", () => {
    const dying = scenario({
      traffic: light,
      events: [
        {
          atMs: 20_000,
          group: "",
          zone: "",
          share: 0.2,
          state: { failShare: 1 },
          listing: "unhealthy",
          noticedAfterMs: 5_000,
          callers: "",
          trafficFactor: 1,
        },
      ],
    });
    const { errors, requests } = runScenario(dying, RANDOM, 1, 1);
    // A fifth of the endpoints fails all for 5 of the 50 seconds that are measured.
    near(errors / requests, 0.02, 0.1, "share of errors");
  });

  it("are slow while they are cold", () => {
    const cold = endpointGroup({ name: "new", count: 1, listing: "absent", coldFactor: 10, coldMs: 20_000 });
    const atMs = 20_000;
    const comes = {
      atMs,
      group: "new",
      zone: "",
      share: 1,
      state: {},
      noticedAfterMs: 0,
      callers: "",
      trafficFactor: 1,
    };
    const with20 = scenario({
      traffic: light,
      endpoints: [endpointGroup({}), cold],
      events: [{ ...comes, listing: "healthy" }],
    });
    assert.ok(figures(with20, RANDOM).p99 > 1.5 * figures(scenario({ traffic: light }), RANDOM).p99);
  });
});

it("a recorded trace is played as it was recorded", () => {
  const arrivalMs = Float64Array.from({ length: 5_001 }, (_, i) => i * 10);
  const trace = { arrivalMs, serviceMs: new Float64Array(5_001).fill(4), caller: null };
  const played = scenario({
    traffic: { ...scenario().traffic, load: 0, trace },
    endpoints: [endpointGroup({ count: 1 })],
  });
  const { simulated } = runScenario(played, RANDOM, 1, 1);
  assert.equal(simulated, 5_001);
  near(figures(played, RANDOM).p99, 4, 0.006, "p99 of a service time of 4 ms every 10 ms");
});

it("a static split is made anew when rates change, and then fills zones evenly", () => {
  const zones = ["a", "b"];
  const skewed = scenario({
    endpoints: zones.map((zone) => endpointGroup({ zone, count: 20 })),
    callers: zones.map((zone) => callerGroup({ name: zone, zone })),
    traffic: { ...scenario().traffic, load: 0.4 },
    events: [
      {
        atMs: 20_000,
        group: "",
        zone: "",
        share: 1,
        state: {},
        listing: null,
        noticedAfterMs: 0,
        callers: "a",
        trafficFactor: 3,
      },
    ],
  });
  const { windows } = runScenario(skewed, contestant({}, { kind: "static_split" }), 1, 1);
  const last = windows.at(-1)!;
  // Three quarters of the requests come from zone a, whose endpoints are half of all: it keeps two thirds.
  near(last.inZone[0]! / last.requests[0]!, 2 / 3, 0.02, "share of zone a that stays");
  assert.equal(last.inZone[1], last.requests[1]);
  near(last.busyMs[0]! / last.serverMs[0]!, 0.8, 0.06, "busy servers of zone a");
  near(last.busyMs[1]! / last.serverMs[1]!, 0.8, 0.06, "busy servers of zone b");
});
