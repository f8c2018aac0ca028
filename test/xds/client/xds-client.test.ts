import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { JsonValue } from "@bufbuild/protobuf";
import { fromJson, toBinary } from "@bufbuild/protobuf";
import { SeededRandom } from "../../../src/base/random.ts";
import type { Caller } from "../../../src/resource/caller.ts";
import type { Cluster } from "../../../src/resource/cluster.ts";
import type { Route } from "../../../src/resource/route.ts";
import type { AdsStreamOwner } from "../../../src/xds/client/ads-transport.ts";
import type { FleetViewSink } from "../../../src/xds/client/own-views.ts";
import type { AuthorityTarget } from "../../../src/xds/client/resolve-authority.ts";
import { XdsClient } from "../../../src/xds/client/xds-client.ts";
import { ClusterSchema } from "../../../src/xds/generated/envoy/config/cluster/v3/cluster_pb.js";
import { ClusterLoadAssignmentSchema } from "../../../src/xds/generated/envoy/config/endpoint/v3/endpoint_pb.js";
import { RouteConfigurationSchema } from "../../../src/xds/generated/envoy/config/route/v3/route_pb.js";
import { encodeCallerView } from "../../../src/xds/resources/caller-view.ts";
import { CAPTURE_VIEW, encodeCaptureView } from "../../../src/xds/resources/capture-view.ts";
import { encodeNodeView } from "../../../src/xds/resources/node-view.ts";
import { EMPTY_SERVICE_VIEW, encodeServiceView } from "../../../src/xds/resources/service-view.ts";
import { OWN_TYPE_URL, TYPE_URL } from "../../../src/xds/resources/type-url.ts";
import { WireWriter } from "../../../src/xds/resources/wire-writer.ts";
import { decodeDeltaRequest } from "../../../src/xds/server/decode-request.ts";
import { cluster, loadAssignment, plainRoute, routeConfiguration } from "./xds-messages.ts";

const MANAGER =
  "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";

/** A Listener, without the library: what is in an Any takes a registry there. */
function listenerOctets(name: string, routes: string): Uint8Array {
  const manager = new WireWriter().message(3, (rds) => rds.string(2, routes)).finish();
  return new WireWriter()
    .string(1, name)
    .message(19, (api) => api.message(1, (any) => any.string(1, MANAGER).octets(2, manager)))
    .finish();
}

const ENCODE = {
  listener: (resource: object) => {
    const { name, routes } = resource as { name: string; routes: string };
    return listenerOctets(name, routes);
  },
  routeConfiguration: (resource: object) =>
    toBinary(RouteConfigurationSchema, fromJson(RouteConfigurationSchema, resource as JsonValue)),
  cluster: (resource: object) => toBinary(ClusterSchema, fromJson(ClusterSchema, resource as JsonValue)),
  loadAssignment: (resource: object) =>
    toBinary(ClusterLoadAssignmentSchema, fromJson(ClusterLoadAssignmentSchema, resource as JsonValue)),
};

class Rig {
  readonly clusters = new Map<string, Cluster>();
  readonly targets = new Map<string, AuthorityTarget>();
  /** What was given to the sink, in order. */
  readonly told: string[] = [];
  readonly #routes = new Map<string, readonly Route[]>();
  nowMs = 0;
  readonly client: XdsClient;
  /** Of this proxy's place, and of services. */
  readonly views: string[] = [];
  /** Types that were asked for, each when a name of it was first. */
  readonly asked = new Set<string>();
  /** Names that were asked for. */
  readonly names: string[] = [];
  #owner: AdsStreamOwner | undefined;
  #nonce = 0;

  constructor(holdBackMs = 0, more: Partial<FleetViewSink> = {}) {
    this.client = new XdsClient({
      addresses: ["one:1"],
      transport: {
        open: (_, owner) => {
          this.#owner = owner;
          return {
            send: (octets) => {
              const { typeUrl, subscribe } = decodeDeltaRequest(octets);
              this.asked.add(typeUrl);
              this.names.push(...subscribe);
            },
            close: () => {},
          };
        },
        close: () => {},
      },
      node: { id: "n", zone: "", region: "", userAgentVersion: "" },
      clock: { nowMs: () => this.nowMs },
      random: new SeededRandom(1),
      holdBackMs,
      keepOctets: false,
      views: {
        node: (view) => this.views.push(`place ${view?.index} of ${view?.count}`),
        service: ({ name, reporters }) => this.views.push(`${name} ${reporters}`),
        ...more,
      },
      sink: {
        upsert: (each) => {
          this.clusters.set(each.name, each);
          this.told.push(`cluster ${each.name} ${each.endpoints.length}`);
        },
        remove: (name) => {
          this.clusters.delete(name);
          this.told.push(`gone ${name}`);
        },
        routes: ({ changed, gone }) => {
          for (const key of gone) this.#routes.delete(key);
          for (const { key, routes } of changed) this.#routes.set(key, routes);
          this.told.push(`routes ${this.routes.length}`);
        },
        authority: (authority, target) => {
          this.targets.set(authority, target);
          this.told.push(`${authority} ${target.kind}`);
        },
      },
      events: {
        onConnected: () => {},
        onDisconnected: () => {},
        onAnswer: () => {},
        onHeldBack: () => {},
        onChange: () => {},
      },
    });
    this.client.start();
    this.#owner?.onOpen();
  }

  get routes(): readonly Route[] {
    return [...this.#routes.values()].flat();
  }

  put(kind: keyof typeof ENCODE, name: string, resource: object): void {
    const octets = ENCODE[kind](resource);
    const message = new WireWriter()
      .message(2, (wrapped) =>
        wrapped
          .string(1, `v${this.#nonce}`)
          .message(2, (any) => any.string(1, TYPE_URL[kind]).octets(2, octets))
          .string(3, name),
      )
      .string(4, TYPE_URL[kind])
      .string(5, `n${this.#nonce++}`)
      .finish();
    this.#owner!.onMessage(message);
    this.client.settle();
  }

  /** A resource of our own, or a control plane that says it is one of ours. */
  own(type: string, name: string, octets: Uint8Array): void {
    const message = new WireWriter()
      .message(2, (wrapped) =>
        wrapped
          .string(1, `v${this.#nonce}`)
          .message(2, (any) => any.string(1, type).octets(2, octets))
          .string(3, name),
      )
      .string(4, type)
      .string(5, `n${this.#nonce++}`)
      .message(7, (controlPlane) => controlPlane.string(1, "isobar"))
      .finish();
    this.#owner!.onMessage(message);
    this.client.settle();
  }

  /** A control plane of ours that has nothing of what it was asked for first. */
  greeted(): void {
    const message = new WireWriter()
      .string(4, TYPE_URL.listener)
      .string(5, `n${this.#nonce++}`)
      .string(6, "isobar.greeting")
      .message(7, (controlPlane) => controlPlane.string(1, "isobar"));
    this.#owner!.onMessage(message.finish());
  }

  /** The stream ends, and another one stands. */
  async reopen(): Promise<void> {
    const former = this.#owner;
    this.asked.clear();
    this.names.length = 0;
    former!.onEnd("gone");
    while (this.#owner === former) await sleep(5);
    this.#owner!.onOpen();
  }

  gone(kind: keyof typeof ENCODE, name: string): void {
    this.#owner!.onMessage(
      new WireWriter().string(4, TYPE_URL[kind]).string(5, "n").string(6, name).finish(),
    );
    this.client.settle();
  }

  /** A whole service, the last thing first: out of order, that is. */
  service(authority: string, name = authority, ports: readonly number[] = [80]): void {
    this.put("listener", authority, { name: authority, routes: `rc ${name}` });
    this.put("routeConfiguration", `rc ${name}`, routeConfiguration(`rc ${name}`, [plainRoute(name)]));
    this.put("cluster", name, cluster(name));
    this.put("loadAssignment", name, loadAssignment(name, ports));
  }
}

describe("the xDS client", () => {
  let rig: Rig;
  afterEach(() => rig.client.close());

  it("gives a cluster first, then the name that leads to it; a second name costs nothing but itself", () => {
    rig = new Rig();
    rig.client.want("svc.ns:80");
    rig.service("svc.ns:80", "canonical");
    assert.deepEqual(rig.told, ["cluster canonical 1", "svc.ns:80 cluster"]);
    rig.client.want("svc:80");
    rig.put("listener", "svc:80", { name: "svc:80", routes: "rc canonical" });
    assert.deepEqual(rig.told.slice(2), ["svc:80 cluster"]);
    rig.client.drop("svc.ns:80");
    assert.deepEqual(rig.told.slice(3), [], "the other name still leads to it");
    rig.client.drop("svc:80");
    assert.deepEqual(rig.told.slice(3), ["gone canonical"]);
    assert.deepEqual([...rig.client.resources()], [], "nothing is subscribed to any more");
  });

  it("changes to another cluster only when all is known of that one", () => {
    rig = new Rig();
    rig.client.want("a:1");
    rig.service("a:1", "blue");
    rig.put("routeConfiguration", "rc blue", routeConfiguration("rc blue", [plainRoute("green")]));
    rig.put("cluster", "green", cluster("green"));
    assert.deepEqual(rig.targets.get("a:1"), { kind: "cluster", cluster: "blue" });
    rig.put("loadAssignment", "green", loadAssignment("green", [81]));
    assert.deepEqual(rig.targets.get("a:1"), { kind: "cluster", cluster: "green" });
    assert.deepEqual(rig.told.slice(-3), ["cluster green 1", "a:1 cluster", "gone blue"]);
  });

  it("says that a service does not exist, and that it does when it comes", () => {
    rig = new Rig();
    rig.client.want("a:1");
    rig.gone("listener", "a:1");
    assert.equal(rig.targets.get("a:1")?.kind, "absent");
    rig.service("a:1");
    assert.equal(rig.targets.get("a:1")?.kind, "cluster");
  });

  it("keeps a service that is taken away for as long as updates are held back", () => {
    rig = new Rig(1_000);
    rig.client.want("a:1");
    rig.service("a:1");
    rig.gone("listener", "a:1");
    assert.equal(rig.targets.get("a:1")?.kind, "cluster");
    rig.nowMs = 1_000;
    rig.gone("listener", "a:1");
    assert.equal(rig.targets.get("a:1")?.kind, "absent");
    assert.equal(rig.clusters.size, 0);
  });

  it("believes at once that a service is gone where the control plane says that this is meant", () => {
    rig = new Rig(1_000_000);
    rig.client.want("a:1");
    rig.service("a:1");
    const removed = encodeServiceView({ ...EMPTY_SERVICE_VIEW, name: "a:1", removed: true });
    rig.own(OWN_TYPE_URL.serviceView, "a:1", removed);
    assert.equal(rig.targets.get("a:1")?.kind, "cluster");
    rig.gone("cluster", "a:1");
    assert.equal(rig.clusters.get("a:1")!.endpoints.length, 0);
    rig.gone("listener", "a:1");
    assert.equal(rig.targets.get("a:1")?.kind, "absent");
    assert.equal(rig.clusters.size, 0);
  });

  it("asks a control plane of ours for its place and for what is known of the services in use, and no other", async () => {
    rig = new Rig();
    rig.client.want("a:1");
    rig.service("a:1");
    await new Promise((resolve) => setImmediate(resolve));
    const own: readonly string[] = [OWN_TYPE_URL.nodeView, OWN_TYPE_URL.serviceView];
    assert.ok(own.every((type) => !rig.asked.has(type)));
    const place = { name: "n", index: 1, count: 3, zone: "", region: "r1", zoneIndex: 0, zoneCount: 1 };
    rig.own(OWN_TYPE_URL.nodeView, "n", encodeNodeView(place));
    await new Promise((resolve) => setImmediate(resolve));
    assert.ok(own.every((type) => rig.asked.has(type)));
    const view = encodeServiceView({ ...EMPTY_SERVICE_VIEW, name: "a:1", reporters: 4 });
    rig.own(OWN_TYPE_URL.serviceView, "a:1", view);
    rig.own(OWN_TYPE_URL.serviceView, "not asked for", view);
    assert.deepEqual(rig.views, ["place 1 of 3", "a:1 4"]);
  });

  it("gives its place as it came, for the disk, and takes its own from there, and no other's", async () => {
    rig = new Rig();
    const place = { name: "n", index: 1, count: 3, zone: "", region: "r1", zoneIndex: 0, zoneCount: 1 };
    assert.equal(rig.client.place, undefined);
    assert.equal(rig.client.restorePlace("other", "7", encodeNodeView({ ...place, name: "other" })), "");
    assert.match(
      rig.client.restorePlace("n", "7", encodeNodeView({ ...place, name: "other" })),
      /found the name/,
    );
    assert.deepEqual([rig.client.place, rig.views], [undefined, []]);
    assert.equal(rig.client.restorePlace("n", "7", encodeNodeView(place)), "");
    assert.deepEqual(rig.views, ["place 1 of 3"]);
    const { name, version, octets } = rig.client.place!;
    assert.deepEqual([name, version, Buffer.from(octets!)], ["n", "7", encodeNodeView(place)]);
    rig.client.want("a:1");
    rig.service("a:1");
    rig.own(OWN_TYPE_URL.nodeView, "n", encodeNodeView({ ...place, count: 4 }));
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(rig.views, ["place 1 of 3", "place 1 of 4"]);
  });

  it("asks a control plane that has nothing new to say who it is, or what is its own would not be asked for again", async () => {
    rig = new Rig(0, { callers: () => {}, capture: () => {} });
    rig.greeted();
    rig.client.want("a:1");
    rig.service("a:1");
    await rig.reopen();
    assert.deepEqual(rig.names.sort(), ["a:1", "a:1", "a:1", "isobar.greeting", "rc a:1"]);
    assert.ok(!rig.asked.has(OWN_TYPE_URL.callerView));
    rig.greeted();
    await new Promise((resolve) => setImmediate(resolve));
    assert.ok(rig.asked.has(OWN_TYPE_URL.callerView) && rig.asked.has(OWN_TYPE_URL.captureView));
    // Where something is asked for that is not known, an answer comes anyway.
    rig.client.want("b:1");
    await rig.reopen();
    assert.ok(!rig.names.includes("isobar.greeting"), rig.names.join(" "));
  });

  it("asks for its node's callers and for what is captured although no service is wanted, and hands on each version", async () => {
    const told: string[] = [];
    rig = new Rig(0, {
      callers: (view) => told.push(`callers ${view.callers.map(({ uid }) => uid)}`),
      capture: (view) => told.push(`captured ${view.services.map(({ service }) => service)}`),
    });
    assert.deepEqual([...rig.asked], [TYPE_URL.listener]);
    rig.greeted();
    await new Promise((resolve) => setImmediate(resolve));
    assert.ok(rig.asked.has(OWN_TYPE_URL.callerView));
    assert.ok(rig.asked.has(OWN_TYPE_URL.captureView));
    const services = [{ service: "a.b:1", addresses: ["10.96.0.1"], port: 1 }];
    rig.own(OWN_TYPE_URL.captureView, CAPTURE_VIEW, encodeCaptureView({ name: CAPTURE_VIEW, services }));
    const caller = (uid: string): Caller => ({
      ...{ uid, namespace: "b", pod: uid, serviceAccount: "", workload: "", addresses: [] },
      ...{ mode: "off", failClosed: false, reclaim: true },
    });
    rig.own(OWN_TYPE_URL.callerView, "n", encodeCallerView({ name: "n", callers: [caller("u1")] }));
    const two = [caller("u1"), caller("u2")];
    rig.own(OWN_TYPE_URL.callerView, "n", encodeCallerView({ name: "n", callers: two }));
    assert.deepEqual(told, ["captured a.b:1", "callers u1", "callers u1,u2"]);
  });

  it("leads a name around a cluster that is called the same", () => {
    rig = new Rig();
    rig.client.want("a:1");
    rig.service("a:1", "b:1");
    assert.equal(rig.targets.get("a:1")?.kind, "cluster");
    rig.client.want("other:1");
    rig.service("other:1", "a:1");
    assert.equal(rig.targets.get("a:1")?.kind, "routes");
    assert.deepEqual(
      rig.routes.map(({ authorities, clusters }) => ({ authorities, clusters })),
      [{ authorities: ["a:1"], clusters: [{ name: "b:1", weight: 1 }] }],
    );
  });

  it("leads what no route matches nowhere, even where a cluster has the authority's name", () => {
    rig = new Rig();
    rig.client.want("a:1");
    rig.service("a:1");
    const some = { match: { prefix: "/x.Y/" }, route: { cluster: "a:1" } };
    rig.put("routeConfiguration", "rc a:1", routeConfiguration("rc a:1", [some]));
    assert.deepEqual(
      rig.routes.map(({ authorities, matches, clusters }) => [
        authorities,
        matches.map(({ path }) => path),
        clusters,
      ]),
      [
        [["a:1"], ["/x.Y/*"], [{ name: "a:1", weight: 1 }]],
        [["a:1"], [], [{ name: "", weight: 1 }]],
      ],
    );
    assert.ok(rig.clusters.has("a:1"));
  });

  it("serves a cluster that a route names and nobody has as one without endpoints", () => {
    rig = new Rig();
    rig.client.want("a:1");
    rig.put("listener", "a:1", { name: "a:1", routes: "rc" });
    rig.put("routeConfiguration", "rc", routeConfiguration("rc", [plainRoute("nobody")]));
    rig.gone("cluster", "nobody");
    assert.deepEqual(rig.told, ["cluster nobody 0", "a:1 cluster"]);
  });
});
