import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { DescMessage, JsonValue } from "@bufbuild/protobuf";
import { create, fromJson, toBinary } from "@bufbuild/protobuf";
import { ClusterSchema } from "../../../src/xds/generated/envoy/config/cluster/v3/cluster_pb.js";
import { ClusterLoadAssignmentSchema } from "../../../src/xds/generated/envoy/config/endpoint/v3/endpoint_pb.js";
import { ListenerSchema } from "../../../src/xds/generated/envoy/config/listener/v3/listener_pb.js";
import { decodeCluster } from "../../../src/xds/resources/decode-cluster.ts";
import { decodeListener } from "../../../src/xds/resources/decode-listener.ts";
import { decodeLoadAssignment } from "../../../src/xds/resources/decode-load-assignment.ts";

function octets(schema: DescMessage, json: JsonValue): Uint8Array {
  return toBinary(schema, fromJson(schema, json));
}

const EDS = { type: "EDS", edsClusterConfig: { edsConfig: { ads: {} } } };

describe("a Cluster", () => {
  const decode = (json: object) =>
    decodeCluster(octets(ClusterSchema, { name: "svc", ...EDS, ...json } as JsonValue));

  it("of a foreign control plane is what its standard fields say", () => {
    const { value, problem } = decode({
      connectTimeout: "0.25s",
      lbPolicy: "LEAST_REQUEST",
      leastRequestLbConfig: { choiceCount: 3, slowStartConfig: { slowStartWindow: "30s" } },
      circuitBreakers: { thresholds: [{ maxRequests: 7, maxPendingRequests: 9 }] },
      outlierDetection: { consecutive5xx: 4, interval: "2s", maxEjectionPercent: 20 },
      healthChecks: [
        { timeout: "1s", interval: "3s", unhealthyThreshold: 2, healthyThreshold: 1, grpcHealthCheck: {} },
      ],
      edsClusterConfig: { edsConfig: { ads: {} }, serviceName: "elsewhere" },
    });
    assert.equal(problem, undefined);
    const { cluster, assignmentName, weighsLocalities } = value!;
    assert.equal(assignmentName, "elsewhere");
    assert.equal(weighsLocalities, false);
    assert.equal(cluster.connectTimeoutMs, 250);
    assert.equal(cluster.maxPendingStreams, 9);
    const { loadBalancing, circuit, outlierDetection, healthCheck } = cluster.settings;
    assert.equal(loadBalancing.policy, "least_request");
    assert.equal(loadBalancing.choiceCount, 3);
    assert.deepEqual(loadBalancing.slowStart, { windowMs: 30_000, aggression: 1, minShare: 0.1 });
    assert.equal(circuit.maxRequests, 7);
    assert.equal(outlierDetection?.consecutiveFailures, 4);
    assert.equal(outlierDetection?.maxEjectionShare, 0.2);
    assert.deepEqual(healthCheck?.probe, { kind: "grpc", service: "" });
  });

  it("has the first policy of a list that is known, within wrr_locality too", () => {
    const policy = (type: string, more = {}) => ({
      typedExtensionConfig: {
        name: type,
        typedConfig: {
          typeUrl: `type.googleapis.com/envoy.extensions.load_balancing_policies.${type}`,
          ...more,
        },
      },
    });
    const message = create(ClusterSchema, {
      name: "svc",
      clusterDiscoveryType: { case: "type", value: 3 },
      loadBalancingPolicy: { policies: [policy("new.v3.New"), policy("random.v3.Random")] },
    });
    assert.equal(
      decodeCluster(toBinary(ClusterSchema, message)).value?.cluster.settings.loadBalancing.policy,
      "random",
    );
    message.loadBalancingPolicy!.policies.pop();
    assert.match(
      decodeCluster(toBinary(ClusterSchema, message)).problem ?? "",
      /^Cluster: load_balancing_policy: found New, wanted LeastRequest, /,
    );
  });

  it("of a control plane of ours has the settings it was made of, and defaults for what an older one does not send", () => {
    const settings = JSON.stringify({
      loadBalancing: { policy: "maglev", newer: 1 },
      outlierDetection: { consecutiveFailures: 2 },
    });
    const { value, problem } = decode({
      metadata: { filterMetadata: { isobar: { settings, protocol: "http1", maxPendingStreams: 5 } } },
    });
    assert.equal(problem, undefined);
    assert.equal(value!.cluster.protocol, "http1");
    assert.equal(value!.cluster.maxPendingStreams, 5);
    assert.equal(value!.cluster.settings.loadBalancing.policy, "maglev");
    assert.equal(value!.cluster.settings.loadBalancing.choiceCount, 2);
    assert.equal(value!.cluster.settings.outlierDetection?.intervalMs, 10_000);
  });

  for (const [title, json, problem] of [
    [
      "a policy of the file's only",
      { loadBalancing: { policy: "module:/tmp/x.ts" } },
      /settings\.loadBalancing\.policy: found "module/,
    ],
    [
      "a number that is a text",
      { timeouts: { requestMs: "1" } },
      /settings\.timeouts\.requestMs: found "1", wanted a number/,
    ],
  ] as const) {
    it(`with settings that hold ${title} is refused`, () => {
      const refused = decode({
        metadata: { filterMetadata: { isobar: { settings: JSON.stringify(json) } } },
      });
      assert.match(refused.problem ?? "", problem);
    });
  }

  for (const [title, json, problem] of [
    ["DNS", { type: "STRICT_DNS" }, /^Cluster: type: found STRICT_DNS, wanted EDS or STATIC$/],
    [
      "TLS",
      { transportSocket: { name: "envoy.transport_sockets.tls" } },
      /transport_socket: found envoy.transport_sockets.tls, wanted UpstreamTlsContext, RawBuffer or none/,
    ],
    ["an unknown policy", { lbPolicy: "CLUSTER_PROVIDED" }, /lb_policy: found CLUSTER_PROVIDED/],
    ["no name", { name: "" }, /name: found none/],
  ] as const) {
    it(`with ${title} is refused, and the field named`, () => {
      assert.match(decode(json).problem ?? "", problem);
    });
  }
});

describe("a ClusterLoadAssignment", () => {
  const endpoint = (address: string, more: object = {}) => ({
    endpoint: { address: { socketAddress: { address, portValue: 80 } } },
    ...more,
  });
  const decode = (json: object) =>
    decodeLoadAssignment(octets(ClusterLoadAssignmentSchema, { clusterName: "svc", ...json } as JsonValue));

  it("is read as the protobuf library writes it", () => {
    const { value, problem } = decode({
      endpoints: [
        {
          locality: { region: "r", zone: "z", subZone: "s" },
          priority: 1,
          loadBalancingWeight: 300,
          lbEndpoints: [
            endpoint("10.0.0.1", {
              healthStatus: "DRAINING",
              loadBalancingWeight: 5,
              metadata: {
                filterMetadata: {
                  isobar: { uid: "u1", node: "n1", more: { deep: [1, null, true] } },
                  "envoy.lb": { version: "v2", number: 3 },
                  other: { x: 1 },
                },
              },
            }),
            endpoint("fd00::1"),
            endpoint("10.0.0.1"),
          ],
        },
      ],
    });
    assert.equal(problem, undefined);
    assert.deepEqual(value, {
      name: "svc",
      count: 2,
      localities: [
        {
          region: "r",
          zone: "z",
          priority: 1,
          weight: 300,
          endpoints: [
            {
              address: "10.0.0.1",
              port: 80,
              weight: 5,
              health: "draining",
              uid: "u1",
              node: "n1",
              labels: { version: "v2" },
            },
            { address: "fd00::1", port: 80, weight: 0, health: "healthy", uid: "", node: "", labels: {} },
          ],
        },
      ],
    });
  });

  it("with a name for an address is refused, and the endpoint named", () => {
    const { problem } = decode({
      endpoints: [{ lbEndpoints: [endpoint("10.0.0.1"), endpoint("pod.local")] }],
    });
    assert.match(
      problem ?? "",
      /endpoints\[0\]\.lb_endpoints\[1\]\.endpoint\.address\.socket_address: found "pod\.local" port 80/,
    );
  });

  it("that is cut off anywhere is refused or shorter, and nothing is thrown", () => {
    const whole = octets(ClusterLoadAssignmentSchema, {
      clusterName: "svc",
      endpoints: [
        { locality: { zone: "z" }, lbEndpoints: [endpoint("10.0.0.1", { loadBalancingWeight: 3 })] },
      ],
    });
    for (let length = 0; length < whole.length; length++) {
      const { value, problem } = decodeLoadAssignment(whole.subarray(0, length));
      assert.ok(problem !== undefined || value.count === 0, `cut at ${length}`);
    }
    for (let i = 0; i < whole.length; i++) {
      for (const mask of [0x01, 0x07, 0x80, 0xff]) {
        const damaged = Buffer.from(whole);
        damaged[i]! ^= mask;
        decodeLoadAssignment(damaged);
      }
    }
  });
});

describe("a Listener", () => {
  it("without an ApiListener, or with something else in it, is refused", () => {
    assert.match(
      decodeListener(octets(ListenerSchema, { name: "a" })).problem ?? "",
      /api_listener: found none/,
    );
    const message = create(ListenerSchema, { name: "a", apiListener: { apiListener: { typeUrl: "x/y" } } });
    assert.match(decodeListener(toBinary(ListenerSchema, message)).problem ?? "", /found x\/y/);
    assert.match(decodeListener(Buffer.from([0xff, 0xff])).problem ?? "", /no such message/);
  });
});
