import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hashText } from "../../../src/lb/subset/hash-text.ts";
import { FleetRoster } from "../../../src/xds/load/fleet-roster.ts";
import { LoadBook } from "../../../src/xds/load/load-book.ts";
import type { ClusterLoad } from "../../../src/xds/load/load-stats.ts";
import { LoadViews } from "../../../src/xds/load/load-views.ts";
import { decodeDeltaResponse } from "../../../src/xds/resources/delta-response.ts";
import type { NodeView } from "../../../src/xds/resources/node-view.ts";
import { decodeNodeView } from "../../../src/xds/resources/node-view.ts";
import type { ServiceView } from "../../../src/xds/resources/service-view.ts";
import { decodeServiceView } from "../../../src/xds/resources/service-view.ts";
import { OWN_TYPE_URL } from "../../../src/xds/resources/type-url.ts";
import { service } from "../service-builder.ts";

const A = "a.default:80";
const { nodeView, serviceView } = OWN_TYPE_URL;

function rig() {
  let nowMs = 1_000;
  let audience = 1;
  const book = new LoadBook((name) => name === A);
  const views = new LoadViews({
    roster: new FleetRoster(30_000),
    book,
    audience: () => audience,
    nowMs: () => nowMs,
  });
  const changes: string[] = [];
  views.watch(({ resources }) => {
    for (const { type, name } of resources) changes.push(`${type.slice(type.lastIndexOf(".") + 1)} ${name}`);
  });
  const octetsOf = (type: string, name: string) => {
    const resource = views.find(type, name);
    return resource && decodeDeltaResponse(resource.inDelta).value!.resources[0]!.octets;
  };
  return {
    views,
    report: (reporter: number, streams: Readonly<Record<number, number>>, issued = 10) => {
      const inFlight = Object.values(streams).reduce((sum, count) => sum + count, 0);
      const load: ClusterLoad = {
        name: A,
        intervalMs: 1_000,
        localities: [{ region: "", zone: "", issued, errors: 0, inFlight }],
        endpoints: Uint32Array.from(Object.entries(streams).flat().map(Number)),
        counts: new Uint32Array(),
      };
      book.report(reporter, [load], nowMs);
    },
    book,
    pass: (ms: number) => {
      nowMs += ms;
    },
    listeners: (count: number) => {
      audience = count;
    },
    changes: () => changes.splice(0),
    service: (name = A): ServiceView | undefined => {
      const octets = octetsOf(serviceView, name);
      return octets && decodeServiceView(octets).value;
    },
    node: (name: string): NodeView | undefined => {
      const octets = octetsOf(nodeView, name);
      return octets && decodeNodeView(octets).value;
    },
  };
}

describe("LoadViews", () => {
  it("says what several callers have in flight, how old that is, and how many requests they begin", () => {
    const { views, report, pass, service: seen, changes } = rig();
    report(1, { 7: 3 });
    report(2, { 7: 1, 4000000000: 300 }, 5);
    pass(400);
    views.tick([]);
    assert.deepEqual(changes(), [`ServiceView ${A}`]);
    const { reporters, requestsPerSecond, ageMs, streams } = seen()!;
    assert.deepEqual([reporters, requestsPerSecond, ageMs], [2, 15, 400]);
    assert.deepEqual(Object.fromEntries(streams), { 7: 4, 4000000000: 300 });
  });

  it("repeats equal counts as another version, because they are fresh", () => {
    const { views, report } = rig();
    report(1, { 7: 3 });
    report(2, { 7: 1 });
    views.tick([]);
    const first = views.find(serviceView, A)!.version;
    views.tick([]);
    assert.notEqual(views.find(serviceView, A)!.version, first);
  });

  it("tells a caller that is alone with a service nothing but that, once", () => {
    const { views, report, service: seen, changes } = rig();
    report(1, { 7: 3 });
    views.tick([]);
    assert.deepEqual(changes(), [`ServiceView ${A}`]);
    assert.deepEqual([seen()!.reporters, seen()!.streams.size], [1, 0]);
    report(1, { 7: 5 });
    views.tick([]);
    assert.deepEqual(changes(), []);
  });

  it("tells a second one that wants to know, before it calls", () => {
    const { views, report, listeners, service: seen } = rig();
    report(1, { 7: 3 });
    listeners(2);
    views.tick([]);
    assert.deepEqual(Object.fromEntries(seen()!.streams), { 7: 3 });
  });

  it("says zeros once when nobody has anything any more, and then nothing", () => {
    const { views, report, book, service: seen, changes } = rig();
    report(1, { 7: 3 });
    report(2, { 7: 3 });
    views.tick([]);
    book.forget(1);
    book.forget(2);
    views.tick([]);
    assert.equal(seen()!.streams.size, 0);
    views.tick([]);
    assert.equal(seen(), undefined);
    changes();
    views.tick([]);
    assert.deepEqual(changes(), []);
  });

  it("gives each proxy its place, and tells those whose place is another one", () => {
    const { views, node, changes } = rig();
    views.tick([{ nodeId: "n1", region: "r", zone: "a" }]);
    assert.deepEqual(changes(), ["NodeView n1"]);
    const members = Uint32Array.of(hashText("n1"));
    const place = { name: "n1", index: 0, count: 1, zone: "a", region: "r", zoneIndex: 0, zoneCount: 1 };
    assert.deepEqual(node("n1"), { ...place, members, zoneMembers: members });
    views.tick([
      { nodeId: "n1", region: "r", zone: "a" },
      { nodeId: "n2", region: "r", zone: "b" },
    ]);
    assert.deepEqual(changes().sort(), ["NodeView n1", "NodeView n2"]);
    assert.equal(node("n1")!.count, 2);
    assert.equal(node("n3"), undefined);
  });

  it("says of a service that an object took away that this is meant, and forgets it after a while", () => {
    const { views, service: seen, changes, pass } = rig();
    views.removed(A, true);
    assert.deepEqual(changes(), [`ServiceView ${A}`]);
    assert.equal(seen()!.removed, true);
    pass(600_001);
    views.tick([]);
    assert.equal(seen(), undefined);
  });

  it("says nothing of one that is gone for no known reason, or is back", () => {
    const { views, service: seen } = rig();
    views.removed(A, false);
    assert.equal(seen(), undefined);
    views.removed(A, true);
    views.added(service(A, 1));
    assert.equal(seen(), undefined);
  });
});
