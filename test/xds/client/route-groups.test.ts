import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RouteGroups } from "../../../src/xds/client/route-groups.ts";
import { PLAIN_ROUTE } from "../../../src/xds/resources/own-route.ts";
import type { HostRoute } from "../../../src/xds/resources/xds-resource.ts";

const ALL: HostRoute = { ...PLAIN_ROUTE, name: "all", clusters: [{ name: "c", weight: 1 }] };
const SOME: HostRoute = { ...ALL, name: "some", matches: [{ path: "/p.S/A", headers: [] }] };

const target = (group: string, routes: readonly HostRoute[]) => ({ kind: "routes" as const, group, routes });

describe("RouteGroups", () => {
  it("says of a thousand services what is new of the one that changed", () => {
    const groups = new RouteGroups();
    for (let n = 0; n < 1_000; n++) groups.set(`s${n}`, target(`g${n}`, [SOME, ALL]));
    assert.equal(groups.take()?.changed.length, 1_000);
    assert.equal(groups.take(), undefined);
    groups.set("s1000", target("g1000", [SOME, ALL]));
    const { changed = [], gone } = groups.take() ?? {};
    assert.deepEqual(
      changed.map(({ key, routes }) => [key, routes.map(({ name, authorities }) => [name, ...authorities])]),
      [
        [
          "g1000",
          [
            ["some", "s1000"],
            ["all", "s1000"],
          ],
        ],
      ],
    );
    assert.deepEqual(gone, []);
  });

  it("has the names that share routes share them, and says so again when one comes or goes", () => {
    const groups = new RouteGroups();
    const routes = [ALL];
    const authorities = () => groups.take()?.changed.map((group) => group.routes[0]!.authorities);
    groups.set("a", target("g", routes));
    groups.set("b", target("g", routes));
    assert.deepEqual(authorities(), [["a", "b"]]);
    groups.set("b", target("g", routes));
    assert.equal(authorities(), undefined, "the same list is the same routes");
    groups.set("a", undefined);
    assert.deepEqual(authorities(), [["b"]]);
    groups.set("b", { kind: "cluster", cluster: "c" });
    assert.deepEqual(groups.take(), { changed: [], gone: ["g"] });
  });

  it("moves a name from one group to another", () => {
    const groups = new RouteGroups();
    groups.set("a", target("g", [ALL]));
    groups.take();
    groups.set("a", target("h", [SOME]));
    const { changed = [], gone } = groups.take() ?? {};
    assert.deepEqual(gone, ["g"]);
    assert.deepEqual(
      changed.map(({ key }) => key),
      ["h"],
    );
    assert.deepEqual(
      changed[0]?.routes.map(({ name, clusters }) => [name, clusters[0]?.name]),
      [
        ["some", "c"],
        ["h without a match", ""],
      ],
      "what no route matches goes nowhere",
    );
  });

  it("tells of nothing that came and went unseen but that it is gone", () => {
    const groups = new RouteGroups();
    groups.set("a", target("g", [ALL]));
    groups.set("a", undefined);
    assert.deepEqual(groups.take(), { changed: [], gone: ["g"] });
  });
});
