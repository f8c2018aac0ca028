import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Endpoint } from "../../../src/resource/endpoint.ts";
import type { PlaceLoad } from "../../../src/xds/load/load-book.ts";
import { ZONE_SHARES_HOLD_MS, ZoneShares } from "../../../src/xds/load/zone-shares.ts";
import { ClientViews } from "../../../src/xds/resources/client-view.ts";
import type { KeptByPlace } from "../../../src/xds/resources/plan-localities.ts";
import { planLocalities } from "../../../src/xds/resources/plan-localities.ts";
import { endpoint } from "../../resource/cluster-builder.ts";
import { service } from "../service-builder.ts";

const NAME = "a.default:80";
const ENDPOINTS = 10;
const TICK_MS = 1_000;
const views = new ClientViews();

/** So many endpoints of each zone, all of one region. */
function clusterOf(zones: readonly string[], change: Partial<Endpoint> = {}) {
  const endpoints = zones.flatMap((zone, z) =>
    Array.from({ length: ENDPOINTS }, (_, n) =>
      endpoint(z * ENDPOINTS + n, { zone, region: "r", ...change }, NAME),
    ),
  );
  return service(NAME, endpoints).cluster;
}

function rig(zones: readonly string[] = ["a", "b"], change: Partial<Endpoint> = {}) {
  const cluster = clusterOf(zones, change);
  let nowMs = 0;
  const changes: { readonly atMs: number; readonly kept: KeptByPlace | undefined }[] = [];
  const shares = new ZoneShares({
    cluster: (name) => (name === NAME ? cluster : undefined),
    onChange: (_, kept) => changes.push({ atMs: nowMs, kept }),
  });
  return {
    cluster,
    changes,
    shares,
    kept: (zone: string): number => changes.at(-1)?.kept?.get(`r|${zone}`) ?? 1,
    /** @param inFlight by zone. */
    tick: (inFlight: Readonly<Record<string, number>>): void => {
      nowMs += TICK_MS;
      const places = Object.entries(inFlight).map(
        ([zone, count]): PlaceLoad => ({
          region: "r",
          zone,
          reporters: 2,
          requestsPerSecond: 100,
          errorsPerSecond: 0,
          inFlight: count,
        }),
      );
      const load = { reporters: 2, requestsPerSecond: 100, countedMs: nowMs, streams: new Map(), places };
      shares.observe(NAME, load, nowMs);
    },
    silent: (ms: number): void => {
      nowMs += ms;
      shares.forgetSilent(nowMs);
    },
  };
}

/** Zones that serve so many requests per second; what is too much waits. */
class Zones {
  readonly #perSecond = 1_000;
  readonly #queued = new Map<string, number>();
  readonly used = new Map<string, number>();

  /** A second passes. @returns what is in flight by zone. */
  second(arriving: Readonly<Record<string, number>>): Record<string, number> {
    const inFlight: Record<string, number> = {};
    for (const [zone, count] of Object.entries(arriving)) {
      const queued = Math.max(0, (this.#queued.get(zone) ?? 0) + count - this.#perSecond);
      this.#queued.set(zone, queued);
      const used = Math.min(0.98, count / this.#perSecond);
      this.used.set(zone, count / this.#perSecond);
      // M/M/1 at each endpoint.
      inFlight[zone] = Math.round(queued + (ENDPOINTS * used) / (1 - used));
    }
    return inFlight;
  }
}

/** Where the requests of gRPC clients of each zone go, by the weights that they are told. */
function routed(
  cluster: ReturnType<typeof clusterOf>,
  sent: Readonly<Record<string, number>>,
  kept: KeptByPlace | undefined,
): Record<string, number> {
  const arriving: Record<string, number> = Object.fromEntries(Object.keys(sent).map((zone) => [zone, 0]));
  for (const [from, count] of Object.entries(sent)) {
    const first = planLocalities(cluster, views.of("grpc", "r", from), kept).filter(
      (each) => each.priority === 0,
    );
    const whole = first.reduce((sum, { weight }) => sum + weight, 0);
    for (const { zone, weight } of first) arriving[zone]! += (count * weight) / whole;
  }
  return arriving;
}

describe("ZoneShares", () => {
  it("leaves zones alone that have the same in flight, or hardly anything", () => {
    const { tick, changes } = rig();
    for (let i = 0; i < 300; i++) tick({ a: 60, b: 55 });
    for (let i = 0; i < 300; i++) tick({ a: 3, b: 0 });
    assert.deepEqual(changes, []);
  });

  it("sends away what a zone has too much of, and fetches it home when it has not any more", () => {
    const { tick, kept, cluster } = rig();
    for (let i = 0; i < 20; i++) tick({ a: 200, b: 20 });
    const away = kept("a");
    assert.ok(away < 0.75, `keeps ${away}`);
    assert.equal(kept("b"), 1);
    const [own, other] = planLocalities(cluster, views.of("grpc", "r", "a"), new Map([["r|a", away]]));
    assert.deepEqual([own!.zone, own!.priority, other!.zone, other!.priority], ["a", 0, "b", 0]);
    assert.equal(own!.weight, Math.round(away * 1_000_000));
    assert.equal(own!.weight + other!.weight, 1_000_000);
    for (let i = 0; i < 600; i++) tick({ a: 20, b: 20 });
    assert.equal(kept("a"), 1);
  });

  it("changes nothing for Envoy and for proxies", () => {
    const cluster = clusterOf(["a", "b"]);
    for (const kind of ["envoy", "isobar"] as const) {
      const view = views.of(kind, "r", "a");
      assert.deepEqual(planLocalities(cluster, view, new Map([["r|a", 0.3]])), planLocalities(cluster, view));
    }
  });

  it("never changes a service's weights twice within the time it promises, whatever is reported", () => {
    const { tick, changes } = rig(["a", "b", "c"]);
    let random = 1;
    const draw = (): number => {
      random = (random * 48_271) % 2_147_483_647;
      return random / 2_147_483_647;
    };
    for (let i = 0; i < 3_600; i++) tick({ a: draw() * 500, b: draw() * 500, c: i % 60 < 30 ? 900 : 0 });
    assert.ok(changes.length > 3, `${changes.length} changes`);
    for (let i = 1; i < changes.length; i++) {
      const distanceMs = changes[i]!.atMs - changes[i - 1]!.atMs;
      assert.ok(distanceMs >= ZONE_SHARES_HOLD_MS, `${distanceMs} ms`);
    }
  });

  it("brings an overloaded zone below its limit, and is then quiet", () => {
    const { tick, changes, cluster } = rig(["a", "b", "c"]);
    const zones = new Zones();
    const sent = { a: 1_200, b: 400, c: 400 };
    for (let i = 0; i < 1_200; i++) tick(zones.second(routed(cluster, sent, changes.at(-1)?.kept)));
    for (const [zone, used] of zones.used) assert.ok(used < 0.97, `${zone} is used to ${used}`);
    const late = changes.filter(({ atMs }) => atMs > 300_000);
    assert.ok(late.length <= 12, `${late.length} changes in the last 15 minutes`);
  });

  it("lets zones keep everything again when nobody reports any more", () => {
    const { tick, silent, changes, shares } = rig();
    for (let i = 0; i < 20; i++) tick({ a: 200, b: 20 });
    assert.ok(shares.of(NAME)!.size > 0);
    silent(10_000);
    assert.ok(shares.of(NAME)!.size > 0, "a pause is no end");
    silent(25_000);
    assert.equal(shares.of(NAME), undefined);
    assert.equal(changes.at(-1)!.kept, undefined);
  });

  it("has nothing to compare where a service has one zone", () => {
    const { tick, changes } = rig(["a"]);
    for (let i = 0; i < 60; i++) tick({ a: 900 });
    assert.deepEqual(changes, []);
  });
});
