import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SeededRandom } from "../../src/base/random.ts";
import { WeightedSplit } from "../../src/route/weighted-split.ts";
import { callHash } from "../../src/sdk/call-headers.ts";
import { CompiledRoutes } from "../../src/sdk/compiled-routes.ts";
import { methodConfigOf } from "../../src/sdk/method-config.ts";
import { PLAIN_ROUTE } from "../../src/xds/resources/own-route.ts";
import type { HostRoute } from "../../src/xds/resources/xds-resource.ts";

const METHOD = "/shop.Cart/Add";
const random = new SeededRandom(1);

function route(name: string, changes: Partial<HostRoute>): HostRoute {
  return { ...PLAIN_ROUTE, name, clusters: [{ name, weight: 1 }], ...changes };
}

function chosen(
  routes: readonly HostRoute[],
  method: string,
  headers: Record<string, string> = {},
): string | undefined {
  return new CompiledRoutes(routes).choose(method, (name) => headers[name], "self", random)?.cluster;
}

describe("routes of a call", () => {
  it("count in their order, by method, service and header", () => {
    const routes = [
      route("method", { matches: [{ path: METHOD, headers: [] }] }),
      route("beta", {
        matches: [{ path: "/shop.Cart/*", headers: [{ name: "x-beta", kind: "prefix", value: "y" }] }],
      }),
      route("anonymous", {
        matches: [{ path: "", headers: [{ name: "x-user", kind: "absent", value: "" }] }],
      }),
      route("rest", {}),
    ];
    assert.equal(chosen(routes, METHOD), "method");
    assert.equal(chosen(routes, "/shop.Cart/List", { "x-beta": "yes" }), "beta");
    assert.equal(chosen(routes, "/shop.Cart/List", { "x-beta": "no", "x-user": "u" }), "rest");
    assert.equal(chosen(routes, "/shop.Cart.More/List", { "x-beta": "yes" }), "anonymous");
    assert.equal(chosen(routes.slice(0, 1), "/shop.Cart/List"), undefined);
  });

  it("divide calls by weight, and keep a caller on the side where a proxy has it", () => {
    const clusters = [
      { name: "old", weight: 90 },
      { name: "new", weight: 10 },
    ];
    const counts = { old: 0, new: 0 };
    for (let i = 0; i < 1_000; i++) counts[chosen([route("split", { clusters })], METHOD) as "old" | "new"]++;
    assert.ok(counts.new > 60 && counts.new < 140, JSON.stringify(counts));
    const sticky = route("sticky", { clusters, sticky: { kind: "header", name: "x-user" } });
    for (let user = 0; user < 50; user++) {
      const headers = { "x-user": `user-${user}` };
      const hash = callHash([{ kind: "header", name: "x-user" }], METHOD, () => headers["x-user"], "self");
      assert.equal(
        chosen([sticky], METHOD, headers),
        clusters[new WeightedSplit(clusters).stick(hash)]!.name,
      );
    }
  });

  it("find a cookie among others, and fall back on the next key", () => {
    const keys = [{ kind: "cookie", name: "sid" }, { kind: "method" }] as const;
    const of = (cookie: string | undefined) => callHash(keys, METHOD, () => cookie, "self");
    assert.equal(of("a=1; sid=7"), of("sid=7; b=2"));
    assert.notEqual(of("sid=7"), of("sid=8"));
    assert.equal(
      of("a=1"),
      callHash([{ kind: "method" }], METHOD, () => undefined, "self"),
    );
  });

  it("have time limits and retries in gRPC's words", () => {
    const retries = {
      attempts: 3,
      perTryTimeoutMs: 0,
      retryOn: ["connect-failure", "unavailable", "internal"],
      backoffBaseMs: 25,
      backoffMaxMs: 250,
    } as const;
    assert.deepEqual(methodConfigOf({ requestMs: 1_500, idleMs: 0 }, retries), {
      name: [],
      timeout: { seconds: 1, nanos: 500_000_000 },
      retryPolicy: {
        maxAttempts: 3,
        initialBackoff: "0.025s",
        maxBackoff: "0.25s",
        backoffMultiplier: 2,
        retryableStatusCodes: ["UNAVAILABLE", "INTERNAL"],
      },
    });
    assert.deepEqual(methodConfigOf({ requestMs: 0, idleMs: 9 }, { ...retries, retryOn: ["reset"] }), {
      name: [],
    });
  });
});
