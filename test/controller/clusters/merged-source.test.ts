import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AddressClaims } from "../../../src/controller/clusters/address-claims.ts";
import { MergedSource } from "../../../src/controller/clusters/merged-source.ts";
import { ENDPOINT_SLICES } from "../../../src/kube/objects/endpoint-slice-object.ts";
import { CLUSTER_DEFAULTS } from "../../../src/resource/cluster.ts";
import { ENDPOINT_DEFAULTS, endpointKey } from "../../../src/resource/endpoint.ts";
import type { ServiceModel } from "../../../src/resource/service.ts";
import { createLog } from "../../../src/telemetry/log.ts";
import { rawEndpoint, rawSlice } from "../harness/raw-objects.ts";
import { FakeCluster } from "./fake-cluster.ts";

class Rig {
  readonly own = new FakeCluster("own");
  readonly east = new FakeCluster("east");
  readonly west = new FakeCluster("west");
  readonly services = new Map<string, ServiceModel>();
  readonly log: string[] = [];
  readonly claims: AddressClaims;
  readonly source: MergedSource;
  readonly started: Promise<void>;
  upserts = 0;
  syncs = 0;

  constructor(options: { readonly waitMs?: number } = {}) {
    this.claims = new AddressClaims((address) => this.source.claimed(address));
    const { own, west, east } = this;
    const log = createLog({ stream: { write: (line) => void this.log.push(line) } });
    const { waitMs = 60_000 } = options;
    this.source = new MergedSource({ own, others: [west, east], waitMs, log }, this.claims);
    this.started = this.source.start({
      upsert: (model) => {
        this.upserts++;
        this.services.set(model.name, model);
      },
      remove: (name) => void this.services.delete(name),
      synced: () => {
        this.syncs++;
      },
    });
  }

  /** `address priority node identity` of each endpoint. */
  get endpoints(): string[] {
    const { endpoints = [] } = this.services.get("echo.shop:80")?.cluster ?? {};
    return endpoints
      .map(({ address, priority, node, key }) => `${address} ${priority} ${node} ${key.split("|")[1]}`)
      .sort();
  }
}

/** @param pods addresses, each that of a Pod; `region` of all of them. */
function echo(
  pods: readonly string[],
  { global = true, region = "r1" }: { global?: boolean; region?: string } = {},
): ServiceModel {
  const endpoints = pods.map((address) => ({
    ...ENDPOINT_DEFAULTS,
    key: endpointKey("echo.shop:80", `uid-${address}`, 8080),
    address,
    port: 8080,
    region,
    zone: `${region}a`,
    node: "n1",
  }));
  const cluster = { ...CLUSTER_DEFAULTS, name: "echo.shop:80", endpoints };
  return {
    name: "echo.shop:80",
    authorities: ["echo.shop:80"],
    cluster,
    routes: [],
    ...(global ? { global } : {}),
  };
}

function claim(address: string, pod: string) {
  return ENDPOINT_SLICES.decode(rawSlice(`s-${pod}`, "other", [rawEndpoint(address, pod)]));
}

describe("services of several clusters", () => {
  it("are one where both say so: own endpoints first, then those of the own region, then the rest", async (t) => {
    const rig = new Rig();
    t.after(() => rig.source.close());
    rig.own.regions = new Set(["r1"]);
    rig.own.sink.upsert(echo(["10.0.0.1"]));
    rig.west.sink.upsert(echo(["10.2.0.1"], { region: "r2" }));
    rig.east.sink.upsert(echo(["10.1.0.1"]));
    assert.deepEqual(rig.endpoints, [
      "10.0.0.1 0 n1 uid-10.0.0.1",
      "10.1.0.1 1 east/n1 east/uid-10.1.0.1",
      "10.2.0.1 2 west/n1 west/uid-10.2.0.1",
    ]);
    const before = rig.services.get("echo.shop:80")!.cluster.endpoints;
    rig.own.sink.upsert(echo(["10.0.0.1", "10.0.0.2"]));
    const after = new Set(rig.services.get("echo.shop:80")!.cluster.endpoints);
    assert.equal(after.size, 4);
    assert.equal(
      before.filter((each) => after.has(each)).length,
      3,
      "what has not changed is the same object",
    );
    const { upserts } = rig;
    rig.west.sink.upsert(echo(["10.2.0.1"], { region: "r2" }));
    assert.equal(rig.upserts, upserts, "what says the same is not given again");
  });

  it("are apart where one of them does not say so, and where the own cluster has none", async (t) => {
    for (const [ownSays, otherSays] of [
      [true, false],
      [false, true],
    ] as const) {
      const rig = new Rig();
      t.after(() => rig.source.close());
      rig.own.sink.upsert(echo(["10.0.0.1"], { global: ownSays }));
      rig.west.sink.upsert(echo(["10.2.0.1"], { global: otherSays }));
      assert.deepEqual(rig.endpoints, ["10.0.0.1 0 n1 uid-10.0.0.1"]);
    }
    const rig = new Rig();
    t.after(() => rig.source.close());
    rig.west.sink.upsert(echo(["10.2.0.1"]));
    assert.equal(rig.services.size, 0, "a service that the own cluster does not have is not made");
    rig.own.sink.upsert(echo(["10.0.0.1"]));
    assert.equal(rig.endpoints.length, 2);
  });

  it("come apart when one of them stops saying so, or is gone, and that is meant", async (t) => {
    const rig = new Rig();
    t.after(() => rig.source.close());
    rig.own.sink.upsert(echo([]));
    rig.west.sink.upsert(echo(["10.2.0.1", "10.2.0.2"]));
    assert.equal(rig.endpoints.length, 2);
    rig.west.sink.upsert(echo(["10.2.0.1", "10.2.0.2"], { global: false }));
    assert.deepEqual(rig.endpoints, []);
    assert.equal(rig.services.get("echo.shop:80")?.deliberate, true);
    rig.west.sink.upsert(echo(["10.2.0.1"]));
    rig.own.sink.remove("echo.shop:80");
    assert.equal(rig.services.size, 0);
  });

  it("never send to an address that a Pod of the own cluster has, whichever service that is of", async (t) => {
    const rig = new Rig();
    t.after(() => rig.source.close());
    rig.own.sink.upsert(echo(["10.0.0.1"]));
    rig.west.sink.upsert(echo(["10.0.0.7", "10.0.0.8"]));
    assert.equal(rig.endpoints.length, 3);
    rig.claims.change("own", undefined, claim("10.0.0.7", "stranger"));
    await Promise.resolve();
    assert.deepEqual(
      rig.endpoints.map((each) => each.split(" ")[0]),
      ["10.0.0.1", "10.0.0.8"],
    );
    assert.equal(rig.services.get("echo.shop:80")?.deliberate, true, "at once");
    assert.equal(rig.source.contestedEndpoints, 1);
    assert.match(rig.log.join(""), /another cluster's Pods have their address/);
    rig.claims.change("own", claim("10.0.0.7", "stranger"), undefined);
    await Promise.resolve();
    assert.equal(rig.endpoints.length, 3);
  });

  it("between others an address is nobody's while both APIs answer, and theirs whose API does when one is lost", async (t) => {
    t.mock.timers.enable({ apis: ["setInterval"] });
    const rig = new Rig();
    t.after(() => rig.source.close());
    await rig.started;
    for (const each of [rig.own, rig.west, rig.east]) each.sink.synced();
    rig.own.sink.upsert(echo([]));
    rig.west.sink.upsert(echo(["10.9.0.1"]));
    rig.claims.change("west", undefined, claim("10.9.0.1", "w"));
    rig.claims.change("east", undefined, claim("10.9.0.1", "e"));
    await Promise.resolve();
    assert.deepEqual(rig.endpoints, []);
    rig.east.isLost = true;
    await Promise.resolve();
    t.mock.timers.tick(1_000);
    assert.equal(rig.endpoints.length, 1);
    rig.west.isLost = true;
    t.mock.timers.tick(1_000);
    assert.equal(rig.endpoints.length, 1, "newer things are known of the one that was lost later");
    rig.east.isLost = false;
    t.mock.timers.tick(1_000);
    assert.deepEqual(rig.endpoints, []);
  });

  it("the own cluster, lost, loses the addresses that others' Pods get meanwhile, until it is back", async (t) => {
    t.mock.timers.enable({ apis: ["setInterval"] });
    const rig = new Rig();
    t.after(() => rig.source.close());
    await rig.started;
    for (const each of [rig.own, rig.west, rig.east]) each.sink.synced();
    rig.own.sink.upsert(echo(["10.0.0.1", "10.0.0.2"], { global: false }));
    rig.claims.change("own", undefined, claim("10.0.0.1", "a"));
    rig.claims.change("west", undefined, claim("10.0.0.1", "before"));
    await Promise.resolve();
    assert.equal(rig.endpoints.length, 2, "while its API answers its addresses are its own");
    rig.own.isLost = true;
    t.mock.timers.tick(1_000);
    assert.equal(rig.endpoints.length, 2, "frozen");
    rig.claims.change("east", undefined, claim("10.0.0.2", "later"));
    await Promise.resolve();
    assert.deepEqual(
      rig.endpoints.map((each) => each.split(" ")[0]),
      ["10.0.0.1"],
    );
    assert.match(rig.log.join(""), /endpoints of the lost own cluster are left out/);
    rig.own.isLost = false;
    t.mock.timers.tick(1_000);
    assert.equal(rig.endpoints.length, 2);
  });

  it("what no Pod stands behind may be named by two clusters, and counts once", async (t) => {
    const rig = new Rig();
    t.after(() => rig.source.close());
    rig.own.sink.upsert(echo(["192.0.2.1"]));
    rig.west.sink.upsert(echo(["192.0.2.1"]));
    assert.equal(rig.endpoints.length, 1);
  });

  it("what is near changes with the own cluster's nodes", (t) => {
    const rig = new Rig();
    t.after(() => rig.source.close());
    rig.own.sink.upsert(echo([]));
    rig.west.sink.upsert(echo(["10.2.0.1"], { region: "r2" }));
    assert.equal(rig.endpoints[0]?.split(" ")[1], "2");
    rig.own.regions = new Set(["r1", "r2"]);
    rig.source.nodesChanged();
    assert.equal(rig.endpoints[0]?.split(" ")[1], "1");
  });

  it("nothing is served before the own cluster is known; others are waited for, but not for ever", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
    const rig = new Rig({ waitMs: 5_000 });
    t.after(() => rig.source.close());
    rig.west.sink.synced();
    t.mock.timers.tick(60_000);
    assert.equal(rig.syncs, 0);
    rig.own.sink.synced();
    assert.equal(rig.syncs, 0);
    t.mock.timers.tick(5_000);
    assert.equal(rig.syncs, 1);
    assert.match(rig.log.join(""), /"clusters":"east".*cannot be reached yet/);
    rig.east.sink.synced();
    assert.equal(rig.syncs, 1);
    assert.match(rig.log.join(""), /"cluster":"east".*known at last/);
  });

  it("with all of them known it is served at once", (t) => {
    const rig = new Rig();
    t.after(() => rig.source.close());
    for (const each of [rig.west, rig.own, rig.east]) each.sink.synced();
    assert.equal(rig.syncs, 1);
  });
});
