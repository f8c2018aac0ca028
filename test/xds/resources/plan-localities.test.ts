import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { clusterSettings } from "../../../src/resource/cluster-settings.ts";
import type { Endpoint } from "../../../src/resource/endpoint.ts";
import { LOAD_BALANCING_DEFAULTS } from "../../../src/resource/load-balancing.ts";
import type { ServiceModel } from "../../../src/resource/service.ts";
import type { ClientKind } from "../../../src/xds/resources/client-kind.ts";
import { ClientViews } from "../../../src/xds/resources/client-view.ts";
import { planLocalities } from "../../../src/xds/resources/plan-localities.ts";
import { endpoint } from "../../resource/cluster-builder.ts";
import { service } from "../service-builder.ts";

const NAME = "a.default:80";
const views = new ClientViews();
const near: Partial<Endpoint> = { zone: "a", region: "r" };
const sick: Partial<Endpoint> = { ...near, health: "unhealthy" };
const next: Partial<Endpoint> = { zone: "b", region: "r" };
const far: Partial<Endpoint> = { zone: "z", region: "s" };

function endpoints(...changes: readonly Partial<Endpoint>[]): ServiceModel {
  return service(
    NAME,
    changes.map((each, n) => endpoint(n, each, NAME)),
  );
}

/** `zone@priority=weight` with the number of endpoints, in order. */
function plan(model: ServiceModel, kind: ClientKind, zone = "a"): string[] {
  return planLocalities(model.cluster, views.of(kind, "r", zone)).map(
    (each) => `${each.zone}@${each.priority}=${each.weight} (${each.endpoints.length})`,
  );
}

describe("planLocalities", () => {
  it("gives Envoy and gRPC the own zone first, then the region, then the rest", () => {
    const model = endpoints(far, next, near, near);
    assert.deepEqual(plan(model, "envoy"), ["a@0=2 (2)", "b@1=1 (1)", "z@2=1 (1)"]);
    assert.deepEqual(plan(model, "grpc"), ["a@0=1000000 (2)", "b@1=1000000 (1)", "z@2=1000000 (1)"]);
    assert.deepEqual(plan(model, "grpc", "b"), ["b@0=1000000 (1)", "a@1=1000000 (2)", "z@2=1000000 (1)"]);
  });

  it("tells proxies of ours the facts alone", () => {
    assert.deepEqual(plan(endpoints(far, near, sick, { ...next, priority: 7 }), "isobar"), [
      "z@0=1 (1)",
      "a@0=2 (2)",
      "b@7=1 (1)",
    ]);
  });

  it("treats all alike for a client whose zone is not known, or where no distribution is wanted", () => {
    const model = endpoints(far, near, near);
    assert.deepEqual(plan(model, "envoy", ""), ["z@0=1 (1)", "a@0=2 (2)"]);
    const locality = { ...LOAD_BALANCING_DEFAULTS.locality, distribution: "none" } as const;
    const settings = clusterSettings({ loadBalancing: { locality } });
    const plain = { ...model, cluster: { ...model.cluster, settings } };
    assert.deepEqual(plan(plain, "envoy"), ["z@0=1 (1)", "a@0=2 (2)"]);
  });

  it("moves for gRPC what a zone cannot take to the next ones, as shares", () => {
    // 1 of 4 is left: it may keep 1.4 / 4.
    assert.deepEqual(plan(endpoints(near, sick, sick, sick, next, far), "grpc"), [
      "a@0=350000 (4)",
      "b@0=650000 (1)",
      "z@1=1000000 (1)",
    ]);
    // The region cannot take the rest either.
    assert.deepEqual(
      plan(endpoints(near, sick, { ...next }, { ...next, health: "unhealthy" }, far), "grpc"),
      ["a@0=700000 (2)", "b@0=300000 (2)", "z@1=1000000 (1)"],
    );
    assert.deepEqual(plan(endpoints(sick, sick, next), "grpc"), ["a@0=1 (2)", "b@0=1000000 (1)"]);
  });

  it("leaves it to Envoy to move load by health", () => {
    assert.deepEqual(plan(endpoints(near, sick, next), "envoy"), ["a@0=2 (2)", "b@1=1 (1)"]);
  });

  it("numbers priorities without gaps, whatever the endpoints say", () => {
    const model = endpoints({ ...near, priority: 3 }, { ...far, priority: 9 });
    assert.deepEqual(plan(model, "grpc"), ["a@0=1000000 (1)", "z@1=1000000 (1)"]);
  });

  it("never has a place twice in a priority, which gRPC refuses", () => {
    const model = endpoints(near, sick, sick, { ...near, priority: 1 }, { ...next, priority: 1 });
    const places = planLocalities(model.cluster, views.of("grpc", "r", "a")).map(
      ({ zone, priority }) => `${zone} ${priority}`,
    );
    assert.equal(new Set(places).size, places.length, places.join(", "));
  });

  it("keeps one of several endpoints with one address for gRPC, which refuses such lists", () => {
    const model = service(NAME, [endpoint(1, near, NAME), { ...endpoint(1, near, NAME), key: "other" }]);
    assert.deepEqual(plan(model, "grpc"), ["a@0=1000000 (1)"]);
    assert.deepEqual(plan(model, "isobar"), ["a@0=2 (2)"]);
  });

  it("stays within the nearest places where that is strict", () => {
    const model = endpoints(sick, next, far);
    const locality = { ...LOAD_BALANCING_DEFAULTS.locality, strict: true };
    const settings = clusterSettings({ loadBalancing: { locality } });
    const strict = { ...model, cluster: { ...model.cluster, settings } };
    assert.deepEqual(plan(strict, "grpc"), ["a@0=1000000 (1)"]);
    assert.deepEqual(plan(strict, "envoy"), ["a@0=1 (1)"]);
  });

  it("gives Envoy and gRPC the own cluster's endpoints before those of others, near or far", () => {
    const model = endpoints({ ...near, priority: 2 }, { ...next, priority: 1 }, far);
    assert.deepEqual(plan(model, "envoy"), ["z@0=1 (1)", "b@1=1 (1)", "a@2=1 (1)"]);
    assert.deepEqual(
      plan(model, "grpc").map((each) => each.slice(0, 3)),
      ["z@0", "b@1", "a@2"],
    );
    assert.deepEqual(plan(model, "isobar"), ["z@0=1 (1)", "b@1=1 (1)", "a@2=1 (1)"]);
  });

  it("gives clients on a node that node's endpoints alone where a service is Local, and proxies of ours all", () => {
    const model = endpoints({ node: "n1" }, { node: "n2" }, { node: "n1" });
    const settings = clusterSettings({
      loadBalancing: { locality: { ...LOAD_BALANCING_DEFAULTS.locality, distribution: "OnlySameNode" } },
    });
    const cluster = { ...model.cluster, settings };
    const count = (kind: ClientKind, node?: string) =>
      planLocalities(cluster, views.of(kind, "r", "a", node)).flatMap((each) => each.endpoints).length;
    assert.deepEqual([count("envoy", "n1"), count("grpc", "n2"), count("grpc", "n3")], [2, 1, 0]);
    assert.deepEqual([count("envoy"), count("isobar", "n1")], [0, 3]);
  });

  it("has nothing to say of no endpoints", () => {
    for (const kind of ["isobar", "envoy", "grpc"] as const) assert.deepEqual(plan(endpoints(), kind), []);
  });
});
