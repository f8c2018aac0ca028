import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { RouteCell } from "../../../src/telemetry/route-counters.ts";
import { GrpcBackend } from "../fixture/grpc-backend.ts";
import { LocalProxy } from "../fixture/local-proxy.ts";
import { RawClient } from "../fixture/raw-client.ts";
import { LiveRoutes } from "./live-routes.ts";

const STABLE = "stable.test:1";
const CANARY = "canary.test:1";
const MESSAGE = Buffer.from([0, 0, 0, 0, 1, 42]);

describe("groups of routes", () => {
  let stable: GrpcBackend;
  let canary: GrpcBackend;
  let proxy: LocalProxy;
  let routes: LiveRoutes;
  let client: RawClient;

  before(async () => {
    [stable, canary] = await Promise.all([GrpcBackend.start(), GrpcBackend.start()]);
  });
  after(() => {
    stable.stop();
    canary.stop();
  });
  beforeEach(async () => {
    proxy = await LocalProxy.start();
    proxy.apply([stable.port], { name: STABLE });
    proxy.apply([canary.port], { name: CANARY });
    routes = new LiveRoutes(proxy);
    client = new RawClient(proxy.port);
    stable.calls = 0;
    canary.calls = 0;
    await routes.apply();
  });
  afterEach(async () => {
    client.close();
    await proxy.close();
  });

  const to = (cluster: string) => ({ clusters: [{ name: cluster, weight: 1 }] });
  const ifUser = (value: string, name = "x-user") => ({
    matches: [{ path: "", headers: [{ name, kind: "exact" as const, value }] }],
  });
  /** @returns who answered: by how many calls each has more. */
  const call = async (authority: string, headers: Record<string, string> = {}): Promise<string> => {
    const before = [stable.calls, canary.calls];
    const { status } = await client.call(MESSAGE, { ":authority": authority, ...headers });
    if (status !== 0) return `status ${status}`;
    return stable.calls > before[0]! ? "stable" : canary.calls > before[1]! ? "canary" : "nobody";
  };

  it("come, change and go without a word of the others, also while their names are in caches", async () => {
    await routes.change({ 1: [{ authorities: ["a.test"], ...to(STABLE) }] });
    await routes.change({ 2: [{ authorities: ["b.test", "b"], ...to(CANARY) }] });
    for (let round = 0; round < 3; round++) {
      assert.equal(await call("a.test"), "stable");
      assert.equal(await call("b.test"), "canary");
      assert.equal(await call("b"), "canary");
    }
    assert.equal(routes.count(RouteCell.requests, 10), 3);
    await routes.change({ 2: [{ authorities: ["b.test"], ...to(STABLE) }] });
    assert.equal(await call("b.test"), "stable");
    assert.equal(await call("b"), "status 12");
    assert.equal(await call("a.test"), "stable");
    await routes.change({}, [1]);
    assert.equal(await call("a.test"), "status 12");
    assert.equal(await call("b.test"), "stable");
  });

  it("are looked at after the configuration's routes, and are gone with the next configuration", async () => {
    await routes.apply({ authorities: ["*.test"], ...ifUser("beta"), ...to(CANARY) });
    await routes.change({ 1: [{ authorities: ["a.test"], ...to(STABLE) }] });
    assert.equal(await call("a.test", { "x-user": "beta" }), "canary");
    assert.equal(await call("a.test"), "stable");
    await routes.change({}, [1]);
    assert.equal(await call("a.test", { "x-user": "beta" }), "canary");
    assert.equal(await call("a.test"), "status 12");
    await routes.change({ 1: [{ authorities: ["a.test"], ...to(STABLE) }] });
    await routes.apply();
    assert.equal(await call("a.test"), "status 12");
  });

  it("may look at headers that nobody looked at before, of requests on connections that stand", async () => {
    await routes.change({ 1: [{ authorities: ["a.test"], ...to(STABLE) }] });
    for (let round = 0; round < 3; round++)
      assert.equal(await call("a.test", { "x-track": "new" }), "stable");
    await routes.change({
      1: [
        { authorities: ["a.test"], ...ifUser("new", "x-track"), ...to(CANARY) },
        { authorities: ["a.test"], ...to(STABLE) },
      ],
    });
    assert.equal(await call("a.test", { "x-track": "new" }), "canary");
    assert.equal(await call("a.test", { "x-track": "old" }), "stable");
  });

  it("follow their clusters when these come and go", async () => {
    await routes.change({ 1: [{ authorities: ["a.test"], ...to("late.test:1") }] });
    assert.equal(await call("a.test"), "status 12");
    proxy.apply([canary.port], { name: "late.test:1" });
    assert.equal(await call("a.test"), "canary");
  });

  it("are right when the names of thousands of headers have come and gone with others", async () => {
    await routes.change({
      1: [
        { authorities: ["a.test"], ...ifUser("beta"), ...to(CANARY) },
        { authorities: ["a.test"], ...to(STABLE) },
      ],
    });
    for (let round = 0; round < 30; round++) {
      const headers = Array.from({ length: 100 }, (_, n) => ({
        name: `x-${round}-${n}`,
        kind: "exact" as const,
        value: "1",
      }));
      const matches = headers.map((header) => ({ path: "", headers: [header] }));
      await routes.change({ 2: [{ authorities: ["b.test"], matches, ...to(CANARY) }] });
      assert.equal(await call("b.test", { [`x-${round}-99`]: "1" }), "canary");
      assert.equal(await call("b.test", { [`x-${round - 1}-99`]: "1" }), "status 12");
      assert.equal(await call("a.test", { "x-user": "beta" }), "canary");
      assert.equal(await call("a.test"), "stable");
    }
  });
});
