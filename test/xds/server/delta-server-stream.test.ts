import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { TYPE_URL } from "../../../src/xds/resources/type-url.ts";
import { service } from "../service-builder.ts";
import { endpointCount, StreamRig } from "./stream-rig.ts";

const { listener, cluster, loadAssignment } = TYPE_URL;
const A = "a.default:80";
const B = "b.default:80";

function rigWith(...services: readonly (readonly [name: string, endpoints: number])[]): StreamRig {
  const rig = new StreamRig();
  for (const [name, endpoints] of services) rig.cache.upsert(service(name, endpoints));
  rig.cache.synced();
  return rig;
}

describe("DeltaServerStream", () => {
  it("answers nothing before everything is known", () => {
    const rig = new StreamRig();
    const peer = rig.delta("isobar");
    peer.request(cluster, { resourceNamesSubscribe: [A] });
    assert.deepEqual(peer.responses(), []);
    rig.cache.synced();
    assert.deepEqual(peer.response().removedResources, [A]);
  });

  it("sends what is new or has changed, and names what has gone", () => {
    const rig = rigWith([A, 1], [B, 1]);
    const peer = rig.delta("envoy");
    peer.request(cluster);
    const first = peer.response();
    assert.deepEqual(first.resources.map(({ name }) => name).sort(), [A, B]);
    peer.ack(first);
    rig.cache.upsert(service(A, 1, { cluster: { connectTimeoutMs: 9 } }));
    const second = peer.response();
    assert.deepEqual(
      second.resources.map(({ name }) => name),
      [A],
    );
    peer.ack(second);
    rig.cache.remove(A);
    const third = peer.response();
    assert.deepEqual([third.resources, third.removedResources], [[], [A]]);
  });

  it("answers a wildcard where there is nothing, so that the client does not wait", () => {
    const peer = rigWith().delta("envoy");
    peer.request(cluster);
    assert.deepEqual(peer.response().resources, []);
  });

  it("says that a name does not exist, and sends it when it does", () => {
    const rig = rigWith();
    const peer = rig.delta("isobar");
    peer.request(listener, { resourceNamesSubscribe: [A] });
    const none = peer.response();
    assert.deepEqual(none.removedResources, [A]);
    peer.ack(none);
    rig.cache.upsert(service(A, 1));
    assert.equal(peer.response().resources.length, 1);
  });

  it("sends a client that comes back only what differs from what it has, and what has gone", () => {
    const rig = rigWith([A, 1], [B, 1], ["c:80", 1]);
    const before = rig.delta("isobar");
    before.request(cluster, { resourceNamesSubscribe: [A, B, "c:80"] });
    const held = Object.fromEntries(before.response().resources.map(({ name, version }) => [name, version]));
    rig.cache.upsert(service(B, 1, { cluster: { connectTimeoutMs: 9 } }));
    rig.cache.remove("c:80");
    const peer = rig.delta("isobar");
    peer.request(cluster, { resourceNamesSubscribe: [A, B, "c:80"], initialResourceVersions: held });
    const response = peer.response();
    assert.deepEqual(
      response.resources.map(({ name }) => name),
      [B],
    );
    assert.deepEqual(response.removedResources, ["c:80"]);
  });

  it("sends nothing to a client that comes back with everything there is", () => {
    const rig = rigWith([A, 1]);
    const before = rig.delta("envoy");
    before.request(loadAssignment, { resourceNamesSubscribe: [A] });
    const [{ version } = { version: "" }] = before.response().resources;
    const peer = rig.delta("envoy");
    peer.request(loadAssignment, { resourceNamesSubscribe: [A], initialResourceVersions: { [A]: version } });
    assert.deepEqual(peer.responses(), []);
  });

  it("gives a client that says its node the endpoints there, where a service is Local", () => {
    const rig = new StreamRig();
    const plain = service(A, 3);
    const { settings } = plain.cluster;
    const locality = { ...settings.loadBalancing.locality, distribution: "OnlySameNode" } as const;
    const endpoints = plain.cluster.endpoints.map((each, i) => ({ ...each, node: i === 0 ? "n1" : "n2" }));
    const loadBalancing = { ...settings.loadBalancing, locality };
    rig.cache.upsert({
      ...plain,
      cluster: { ...plain.cluster, endpoints, settings: { ...settings, loadBalancing } },
    });
    rig.cache.synced();
    const count = (agent: string, metadata: { [name: string]: string }) => {
      const peer = rig.delta(agent, "", metadata);
      peer.request(loadAssignment, { resourceNamesSubscribe: [A] });
      return endpointCount(peer.response().resources[0]?.resource);
    };
    assert.equal(count("envoy", { NODE_NAME: "n2" }), 2);
    assert.equal(count("gRPC Go", { NODE_NAME: "n1" }), 1);
    assert.equal(count("envoy", {}), 0);
    assert.equal(count("isobar", {}), 3);
  });

  it("sends again what is asked for again", () => {
    const peer = rigWith([A, 1]).delta("envoy");
    peer.request(loadAssignment, { resourceNamesSubscribe: [A] });
    peer.ack(peer.response());
    peer.request(loadAssignment, { resourceNamesSubscribe: [A] });
    assert.equal(peer.response().resources.length, 1);
  });

  it("goes over versions that come while the client has not answered, but answers new names", () => {
    const rig = rigWith([A, 1], [B, 1]);
    const peer = rig.delta("isobar");
    peer.request(loadAssignment, { resourceNamesSubscribe: [A] });
    const first = peer.response();
    for (const count of [2, 3]) rig.cache.upsert(service(A, count));
    assert.deepEqual(peer.responses(), []);
    peer.request(loadAssignment, { resourceNamesSubscribe: [B] });
    const second = peer.response();
    assert.deepEqual(
      second.resources.map(({ name }) => name),
      [B],
    );
    peer.ack(second);
    assert.deepEqual(peer.responses(), []);
    peer.ack(first);
    assert.equal(endpointCount(peer.response().resources[0]!.resource), 3);
  });

  it("sends endpoints again after a change of their cluster, though they are the same", () => {
    const rig = rigWith([A, 1]);
    const peer = rig.delta("envoy");
    peer.request(cluster);
    peer.ack(peer.response());
    peer.request(loadAssignment, { resourceNamesSubscribe: [A] });
    peer.ack(peer.response());
    rig.cache.upsert(service(A, 1, { cluster: { connectTimeoutMs: 9 } }));
    assert.deepEqual(
      peer.responses().map(({ typeUrl }) => typeUrl),
      [cluster, loadAssignment],
    );
  });

  it("remembers a refusal until something is accepted in its place", () => {
    const rig = rigWith([A, 1]);
    const peer = rig.delta("isobar");
    peer.request(cluster, { resourceNamesSubscribe: [A] });
    peer.nack(peer.response());
    assert.deepEqual(peer.responses(), []);
    assert.equal(peer.stream.status(true).types[0]!.resources[0]!.state, "refused");
    rig.cache.upsert(service(A, 1, { cluster: { connectTimeoutMs: 9 } }));
    peer.ack(peer.response());
    assert.equal(peer.stream.status(true).types[0]!.resources[0]!.state, "accepted");
  });

  it("stops when it is told to", () => {
    const rig = rigWith([A, 1]);
    const peer = rig.delta("isobar");
    peer.request(loadAssignment, { resourceNamesSubscribe: [A] });
    peer.ack(peer.response());
    peer.request(loadAssignment, { resourceNamesUnsubscribe: [A] });
    rig.cache.upsert(service(A, 9));
    assert.deepEqual(peer.responses(), []);
    assert.deepEqual(peer.stream.status(true).types[0]!.resources, []);
  });
});
