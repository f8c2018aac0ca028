import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { TYPE_URL } from "../../../src/xds/resources/type-url.ts";
import { endpoint } from "../../resource/cluster-builder.ts";
import { service } from "../service-builder.ts";
import { endpointCount, StreamRig } from "./stream-rig.ts";

const { listener, routeConfiguration, cluster, loadAssignment } = TYPE_URL;
const A = "a.default:80";
const B = "b.default:80";

function rigWith(...services: readonly (readonly [name: string, endpoints: number])[]): StreamRig {
  const rig = new StreamRig();
  for (const [name, endpoints] of services) rig.cache.upsert(service(name, endpoints));
  rig.cache.synced();
  return rig;
}

describe("SotwStream", () => {
  it("answers nothing before everything is known, and then everything at once", () => {
    const rig = new StreamRig();
    const peer = rig.sotw("envoy");
    peer.request(cluster, []);
    rig.cache.upsert(service(A, 1));
    assert.deepEqual(peer.responses(), []);
    rig.cache.upsert(service(B, 1));
    rig.cache.synced();
    assert.equal(peer.response().resources.length, 2);
  });

  it("leads a gRPC client from a listener to endpoints, one resource after the other", () => {
    const peer = rigWith([A, 3]).sotw("gRPC Go");
    for (const type of [listener, routeConfiguration, cluster, loadAssignment]) {
      peer.request(type, [A]);
      const response = peer.response();
      assert.equal(response.typeUrl, type);
      assert.equal(response.resources.length, 1);
      assert.equal(response.resources[0]!.typeUrl, type);
      peer.ack(response, [A]);
    }
    assert.deepEqual(peer.responses(), []);
  });

  it("says at once that a listener or cluster does not exist, by a response without it", () => {
    const peer = rigWith([A, 1]).sotw("gRPC Go");
    peer.request(listener, ["nobody:80"]);
    assert.deepEqual(peer.response().resources, []);
  });

  it("serves endpoints asked for before their cluster, and when it comes into being later", () => {
    const rig = rigWith();
    const peer = rig.sotw("gRPC Java");
    peer.request(loadAssignment, [A]);
    assert.deepEqual(peer.responses(), []);
    rig.cache.upsert(service(A, 2));
    assert.equal(endpointCount(peer.response().resources[0]), 2);
  });

  it("sends all clusters when one changes, and of endpoints only what has changed", () => {
    const rig = rigWith([A, 1], [B, 1]);
    const peer = rig.sotw("gRPC Go");
    for (const type of [cluster, loadAssignment]) {
      peer.request(type, [A, B]);
      peer.ack(peer.response(), [A, B]);
    }
    rig.cache.upsert(service(A, 2));
    const response = peer.response();
    assert.equal(response.typeUrl, loadAssignment);
    assert.deepEqual(response.resources.map(endpointCount), [2]);
    peer.ack(response, [A, B]);
    rig.cache.upsert(service(A, 2, { cluster: { connectTimeoutMs: 9 } }));
    const [first] = peer.responses();
    assert.equal(first!.typeUrl, cluster);
    assert.equal(first!.resources.length, 2);
  });

  it("sends endpoints again after a change of their cluster, though they are the same", () => {
    const rig = rigWith([A, 1], [B, 1]);
    const peer = rig.sotw("envoy");
    peer.request(cluster, []);
    peer.ack(peer.response(), []);
    peer.request(loadAssignment, [A, B]);
    peer.ack(peer.response(), [A, B]);
    rig.cache.upsert(service(B, 1, { cluster: { connectTimeoutMs: 9 } }));
    const [clusters, endpoints, ...more] = peer.responses();
    assert.equal(clusters!.typeUrl, cluster);
    assert.equal(endpoints!.typeUrl, loadAssignment);
    assert.equal(endpoints!.resources.length, 1);
    assert.deepEqual(more, []);
  });

  it("drops a removed service from the clusters, and says nothing of its endpoints", () => {
    const rig = rigWith([A, 1], [B, 1]);
    const peer = rig.sotw("envoy");
    peer.request(cluster, []);
    peer.ack(peer.response(), []);
    peer.request(loadAssignment, [A, B]);
    peer.ack(peer.response(), [A, B]);
    rig.cache.remove(A);
    const response = peer.response();
    assert.equal(response.typeUrl, cluster);
    assert.equal(response.resources.length, 1);
  });

  it("does not repeat what was refused, and tries again when it is another version", () => {
    const rig = rigWith([A, 1]);
    const peer = rig.sotw("gRPC Go");
    peer.request(cluster, [A]);
    peer.nack(peer.response(), [A]);
    assert.deepEqual(peer.responses(), []);
    const { types } = peer.stream.status(true);
    assert.deepEqual(
      types[0]!.refused.map(({ name, message }) => [name, message]),
      [[A, "no such policy"]],
    );
    rig.cache.upsert(service(A, 1, { cluster: { connectTimeoutMs: 9 } }));
    const response = peer.response();
    assert.equal(response.resources.length, 1);
    peer.ack(response, [A]);
    assert.deepEqual(peer.stream.status(true).types[0]!.refused, []);
  });

  it("goes over versions that come while the client has not answered", () => {
    const rig = rigWith([A, 1]);
    const peer = rig.sotw("gRPC Go");
    peer.request(loadAssignment, [A]);
    const first = peer.response();
    for (const count of [2, 3, 4]) rig.cache.upsert(service(A, count));
    assert.deepEqual(peer.responses(), []);
    peer.ack(first, [A]);
    assert.equal(endpointCount(peer.response().resources[0]), 4);
  });

  it("passes over what a client said before it had the last response", () => {
    const rig = rigWith([A, 1], [B, 1]);
    const peer = rig.sotw("gRPC Go");
    peer.request(cluster, [A]);
    const first = peer.response();
    peer.ack(first, [A]);
    rig.cache.upsert(service(A, 1, { cluster: { connectTimeoutMs: 9 } }));
    const second = peer.response();
    peer.ack(first, [A, B]);
    assert.deepEqual(peer.responses(), []);
    peer.ack(second, [A, B]);
    assert.equal(peer.response().resources.length, 2);
  });

  it("sends nothing to a client that comes back with what there is, and all to one with something else", () => {
    const rig = rigWith([A, 1], [B, 1]);
    const before = rig.sotw("gRPC Go");
    before.request(cluster, [A, B]);
    const { versionInfo } = before.response();
    const same = rig.sotw("gRPC Go");
    same.request(cluster, [B, A], { versionInfo });
    assert.deepEqual(same.responses(), []);
    rig.cache.upsert(service(A, 1, { cluster: { connectTimeoutMs: 9 } }));
    assert.equal(same.response().resources.length, 2);
    const stale = rig.sotw("gRPC Go");
    stale.request(cluster, [A, B], { versionInfo });
    assert.equal(stale.response().resources.length, 2);
  });

  it("has the same versions in another process that knows the same", () => {
    const versions = [rigWith([A, 2], [B, 3]), rigWith([B, 3], [A, 2])].map((rig) => {
      const peer = rig.sotw("envoy", "zone-a");
      peer.request(cluster, []);
      peer.request(loadAssignment, [A, B]);
      return peer.responses().map(({ versionInfo }) => versionInfo);
    });
    assert.deepEqual(versions[0], versions[1]);
  });

  it("takes back what is no longer asked for", () => {
    const rig = rigWith([A, 1], [B, 1]);
    const peer = rig.sotw("gRPC Go");
    peer.request(loadAssignment, [A, B]);
    const first = peer.response();
    peer.ack(first, [B]);
    rig.cache.upsert(service(A, 5));
    assert.deepEqual(peer.responses(), []);
    rig.cache.upsert(service(B, 5));
    assert.equal(peer.response().resources.length, 1);
  });

  it("gives an Envoy no listener, and routes for everything by one name", () => {
    const peer = rigWith([A, 1], [B, 1]).sotw("envoy");
    peer.request(listener, []);
    assert.deepEqual(peer.response().resources, []);
    peer.request(routeConfiguration, ["isobar"]);
    assert.equal(peer.response().resources.length, 1);
  });

  it("leaves types it does not know alone, and goes on with the others", () => {
    const rig = rigWith([A, 1]);
    const peer = rig.sotw("envoy");
    peer.request("type.googleapis.com/envoy.service.runtime.v3.Runtime", []);
    assert.deepEqual(peer.responses(), []);
    assert.equal(rig.unknownTypes.length, 1);
    peer.request(cluster, []);
    assert.equal(peer.response().resources.length, 1);
  });

  it("wants to know who asks", () => {
    const rig = rigWith([A, 1]);
    const peer = rig.sotw("envoy");
    peer.request(cluster, [], { node: undefined });
    assert.match(peer.port.failure ?? "", /^3: .*node/);
    assert.deepEqual(peer.responses(), []);
  });

  it("writes nothing more while the way is full", () => {
    const rig = rigWith([A, 1], [B, 1]);
    const peer = rig.sotw("gRPC Go");
    peer.port.isFull = true;
    peer.request(cluster, [A]);
    const first = peer.response();
    peer.ack(first, [A, B]);
    peer.request(loadAssignment, [A]);
    assert.deepEqual(peer.responses(), []);
    peer.port.isFull = false;
    peer.stream.drained();
    assert.equal(peer.responses().length, 2);
  });

  it("carries a service of 10,000 endpoints", () => {
    const peer = rigWith([A, 10_000]).sotw("gRPC Go", "zone-b");
    peer.request(loadAssignment, [A]);
    assert.equal(endpointCount(peer.response().resources[0]), 10_000);
  });

  it("splits what is too much for one response, and does not let the client claim to have all before it has", () => {
    const names = Array.from({ length: 9 }, (_, n) => `s${n}.default:80`);
    const rig = rigWith();
    const labels = { long: "x".repeat(30_000) };
    for (const name of names) {
      const endpoints = Array.from({ length: 10 }, (_, n) => endpoint(n, { labels }, name));
      rig.cache.upsert(service(name, endpoints));
    }
    const peer = rig.sotw("gRPC Go");
    peer.request(loadAssignment, names);
    const first = peer.response();
    assert.ok(first.resources.length < names.length);
    const again = rig.sotw("gRPC Go");
    again.request(loadAssignment, names, { versionInfo: first.versionInfo });
    assert.ok(again.responses().length > 0);
    let count = first.resources.length;
    for (let response = first; count < names.length; count += response.resources.length) {
      peer.ack(response, names);
      response = peer.response();
    }
    assert.equal(count, names.length);
  });
});
