import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { FleetLoads } from "../../src/control-plane/fleet-loads.ts";
import { ResourceCache } from "../../src/xds/cache/resource-cache.ts";
import { ClientViews } from "../../src/xds/resources/client-view.ts";
import { OWN_TYPE_URL, TYPE_URL } from "../../src/xds/resources/type-url.ts";
import { AdsServer } from "../../src/xds/server/ads-server.ts";
import { xdsService } from "../interop/xds/control-plane-rig.ts";

const PROXIES = "isobar-proxy.isobar-system";

describe("FleetLoads", () => {
  let loads: FleetLoads;
  let server: AdsServer;
  afterEach(() => {
    loads.close();
    server.close();
  });

  function rig() {
    const cache = new ResourceCache();
    const onFault = () => {};
    loads = new FleetLoads({ cache, fleetService: PROXIES, onFault, onRefused: onFault });
    const events = { pushed: () => {}, answered: () => {}, unknownType: () => {} };
    server = new AdsServer({ source: loads.source, events, onFault });
    loads.serve(server);
    return { cache, sink: loads.sink(cache) };
  }

  it("takes the endpoints of the proxies' Service for the fleet, with their nodes and zones", async () => {
    const { sink } = rig();
    sink.upsert(
      xdsService(`${PROXIES}:15001`, [
        { at: "10.0.0.1:15001", node: "n1", zone: "a" },
        { at: "10.0.0.2:15001", node: "n2", zone: "a" },
        { at: "10.0.0.3:15001", node: "n3", zone: "b" },
        "10.0.0.4:15001",
      ]),
    );
    sink.upsert(xdsService("echo.default:80", [{ at: "10.0.0.5:80", node: "n9" }]));
    sink.synced();
    for (let i = 0; i < 400 && loads.roster.size === 0; i++)
      await new Promise((resolve) => setTimeout(resolve, 25));
    assert.equal(loads.roster.size, 3);
    const { count, zone, zoneCount } = loads.roster.find("n1")!;
    assert.deepEqual([count, zone, zoneCount], [3, "a", 2]);
    assert.equal(loads.roster.find("n9"), undefined);
  });

  it("hears of a removal before the cache does, so that clients hear in that order why", () => {
    const { sink, cache } = rig();
    sink.upsert(xdsService("echo.default:80", ["10.0.0.5:80"]));
    sink.synced();
    const heard: string[] = [];
    loads.source.watch(
      ({ resources }) => heard.push(...new Set(resources.map(({ type }) => type))),
      () => {},
    );
    sink.remove("echo.default:80", {
      object: "Service default/echo",
      resourceVersion: "1",
      verb: "DELETED",
      fieldManager: "",
    });
    assert.equal(heard[0], OWN_TYPE_URL.serviceView);
    assert.ok(heard.length > 1);
    assert.equal(cache.has("echo.default:80"), false);
  });

  it("tells gRPC clients by weights what reports say of zones, and Envoys and proxies nothing new", async () => {
    const { sink, cache } = rig();
    const name = "echo.default:80";
    const places = [
      { at: "10.0.0.5:80", zone: "a" },
      { at: "10.0.0.6:80", zone: "b" },
    ];
    sink.upsert(xdsService(name, places));
    sink.synced();
    const views = new ClientViews();
    const versions = (): (string | undefined)[] =>
      (["grpc", "envoy", "isobar"] as const).map(
        (kind) => cache.find(TYPE_URL.loadAssignment, name, views.of(kind, "r", "a"))?.version,
      );
    const before = versions();
    const localities = [
      { region: "r", zone: "a", issued: 100, errors: 0, inFlight: 200 },
      { region: "r", zone: "b", issued: 100, errors: 0, inFlight: 2 },
    ];
    for (let i = 0; i < 100 && loads.zoneShares.changes === 0; i++) {
      loads.book.report(
        1,
        [{ name, intervalMs: 1_000, localities, endpoints: new Uint32Array(), counts: new Uint32Array() }],
        performance.now(),
      );
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    const after = versions();
    assert.notEqual(after[0], before[0]);
    assert.deepEqual(after.slice(1), before.slice(1));
    const [shown] = loads.shown(name);
    assert.deepEqual(
      shown!.places.map(({ zone, kept }) => [zone, kept < 1]),
      [
        ["a", true],
        ["b", false],
      ],
    );
  });

  it("shows nothing of services that nobody has reported", () => {
    rig();
    assert.deepEqual(loads.shown(undefined), []);
    assert.deepEqual(loads.shown("echo.default:80"), []);
    assert.equal(loads.intervalMs, 1_000);
  });
});
