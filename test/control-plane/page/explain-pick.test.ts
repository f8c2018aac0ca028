import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { FleetLoads } from "../../../src/control-plane/fleet-loads.ts";
import { explainPick } from "../../../src/control-plane/page/explain-pick.ts";
import { serviceLine } from "../../../src/control-plane/page/service-line.ts";
import { ServiceLines } from "../../../src/control-plane/page/service-lines.ts";
import { ResourceCache } from "../../../src/xds/cache/resource-cache.ts";
import { endpointHash } from "../../../src/xds/resources/service-view.ts";
import { AdsServer } from "../../../src/xds/server/ads-server.ts";
import { xdsService } from "../../interop/xds/control-plane-rig.ts";

const NAME = "echo.shop:80";

describe("what the page makes of what is known", () => {
  let loads: FleetLoads;
  let server: AdsServer;
  afterEach(() => {
    loads.close();
    server.close();
  });

  function rig() {
    const cache = new ResourceCache();
    const onFault = () => {};
    loads = new FleetLoads({
      cache,
      fleetService: undefined,
      keepsTraffic: true,
      onFault,
      onRefused: onFault,
    });
    const events = { pushed: () => {}, answered: () => {}, unknownType: () => {} };
    server = new AdsServer({ source: loads.source, events, onFault });
    const nowMs = () => 10_000;
    return { cache, loads, server, auditFolder: undefined, notReadyReason: () => undefined, nowMs };
  }

  /** A caller with so many streams at 10.0.0.N:80. */
  function inFlight(streams: readonly number[]): void {
    const endpoints = streams.flatMap((count, i) => [endpointHash(`10.0.0.${i + 1}`, 80), count]);
    const counts = streams.flatMap((count, i) => [endpointHash(`10.0.0.${i + 1}`, 80), count * 10, 0]);
    const total = streams.reduce((sum, count) => sum + count, 0);
    const load = {
      name: NAME,
      intervalMs: 1_000,
      localities: [{ region: "r", zone: "a", issued: total * 10, errors: 0, inFlight: total }],
      endpoints: Uint32Array.from(endpoints),
      counts: Uint32Array.from(counts),
    };
    loads.book.report(1, [load], 10_000);
    loads.traffic!.report(1, { id: "n1", region: "r", zone: "a" }, [load], 10_000);
  }

  it("tells the skew of more endpoints than a call takes as arguments", () => {
    const source = rig();
    const many = 150_000;
    const addresses = Array.from({ length: many }, (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}:80`);
    const service = xdsService(NAME, addresses);
    source.cache.upsert(service);
    inFlight([9]);
    const { skew } = serviceLine(source, service.cluster, 10_000);
    assert.equal(skew?.maxOverMean, many);
  });

  it("explains picks by the streams in flight: of two drawn the one with fewer wins, whatever is drawn", () => {
    const source = rig();
    const service = xdsService(NAME, ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"]);
    source.cache.upsert(service);
    inFlight([9, 1, 9]);
    const explained = explainPick(source, service, { node: "", region: "r", zone: "a" });
    const [best] = explained.endpoints;
    assert.deepEqual([best!.endpoint, best!.inFlight], ["10.0.0.2:80", 1]);
    assert.ok(best!.picked > 0.6, `${best!.picked}`);
    for (const { drawn, winner } of explained.picks) {
      const least = Math.min(...drawn.map(({ load }) => load));
      assert.ok(drawn.some(({ endpoint, load }) => endpoint === winner && load === least));
    }
    assert.equal(Math.round(explained.endpoints.reduce((sum, { picked }) => sum + picked, 0) * 1_000), 1_000);
  });

  it("says why an endpoint is no candidate, and what is left out of the simulation", () => {
    const source = rig();
    const service = xdsService(NAME, ["10.0.0.1:80", { at: "10.0.0.2:80", health: "draining" }]);
    source.cache.upsert(service);
    const { endpoints, notes } = explainPick(source, service, { node: "n1", region: "r", zone: "a" });
    assert.deepEqual(
      endpoints.map(({ leftOut }) => leftOut),
      ["", "draining, says discovery"],
    );
    assert.ok(
      notes[0]!.includes("`isobar explain` on n1") && notes.some((note) => note.startsWith("No caller")),
    );
  });

  it("measures skew by requests over weights, and puts what is not known last in both directions", () => {
    const source = rig();
    source.cache.upsert(
      xdsService(NAME, [
        { at: "10.0.0.1:80", weight: 3 },
        "10.0.0.2:80",
        { at: "10.0.0.3:80", health: "unhealthy" },
      ]),
    );
    source.cache.upsert(xdsService("idle.shop:80", ["10.0.0.9:80"]));
    inFlight([6, 2]);
    const lines = new ServiceLines(source);
    const question = { sort: "skew", search: "", namespace: "shop", offset: 0, limit: 10 } as const;
    for (const reverse of [false, true]) {
      const { services } = lines.view({ ...question, reverse });
      assert.deepEqual(
        services.map(({ name, skew }) => [name, skew === null ? null : Math.round(skew.maxOverMean * 100)]),
        [
          [NAME, 100],
          ["idle.shop:80", null],
        ],
      );
    }
    assert.equal(lines.view({ ...question, reverse: false, namespace: "other" }).matched, 0);
    assert.equal(lines.view({ ...question, reverse: false, search: "IDLE" }).matched, 1);
  });
});
