import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Problem } from "../../src/controller/problem.ts";
import type { PodFields } from "../../src/controller/service-endpoints.ts";
import { serviceEndpoints } from "../../src/controller/service-endpoints.ts";
import { ENDPOINT_SLICES } from "../../src/kube/objects/endpoint-slice-object.ts";
import { NODES } from "../../src/kube/objects/node-object.ts";
import { PODS } from "../../src/kube/objects/pod-object.ts";
import { SERVICES } from "../../src/kube/objects/service-object.ts";
import type { RawObject } from "../../src/kube/raw-object.ts";
import type { Endpoint } from "../../src/resource/endpoint.ts";
import { metadata, rawEndpoint, rawService, rawSlice } from "./harness/raw-objects.ts";

interface Given {
  readonly service?: RawObject;
  readonly slices: readonly RawObject[];
  readonly nodes?: Readonly<Record<string, object>>;
  readonly pods?: readonly RawObject[];
  readonly fields?: Partial<PodFields>;
}

function endpointsOf(given: Given, problems: Problem[] = []): Endpoint[] {
  const service = SERVICES.decode(given.service ?? rawService("echo"));
  const pods = (given.pods ?? []).map((pod) => PODS.decode(pod));
  return serviceEndpoints(
    "echo.shop:50051",
    service,
    service.ports[0]!,
    given.slices.map((slice) => ENDPOINT_SLICES.decode(slice)),
    {
      node: (name) => {
        const labels = given.nodes?.[name] as Record<string, string> | undefined;
        return labels && NODES.decode({ metadata: metadata(name, { labels }) });
      },
      pod: (_, name) => pods.find((pod) => pod.name === name),
    },
    { labels: [], weightLabel: "", ...given.fields },
    problems,
  );
}

const places = (endpoints: readonly Endpoint[]): string[] =>
  endpoints.map(({ address, port }) => `${address}:${port}`);

describe("serviceEndpoints", () => {
  it("takes the port from the slice, by the Service's name for it", () => {
    const slices = [
      rawSlice("a", "echo", [rawEndpoint("10.0.0.1", "p1")]),
      rawSlice("b", "echo", [rawEndpoint("10.0.0.2", "p2")], { ports: [{ name: "grpc", port: 9090 }] }),
      rawSlice("c", "echo", [rawEndpoint("10.0.0.3", "p3")], { ports: [{ name: "metrics", port: 8080 }] }),
      rawSlice("d", "echo", [rawEndpoint("10.0.0.4", "p4")], {
        ports: [{ name: "grpc", port: 53, protocol: "UDP" }],
      }),
      rawSlice("e", "echo", [rawEndpoint("10.0.0.5", "p5")], { ports: [{ name: "grpc" }] }),
    ];
    assert.deepEqual(places(endpointsOf({ slices })), ["10.0.0.1:8080", "10.0.0.2:9090"]);
  });

  it("knows an endpoint by its Pod, and one without a Pod by its address", () => {
    const slices = [rawSlice("a", "echo", [rawEndpoint("10.0.0.1", "p1"), rawEndpoint("10.0.0.2", "")])];
    assert.deepEqual(
      endpointsOf({ slices }).map(({ key }) => key),
      ["echo.shop:50051|10.0.0.2|8080|h2c", "echo.shop:50051|uid-of-p1|8080|h2c"],
    );
  });

  it("counts an endpoint on two slices once, as the slice written last has it", () => {
    const leaving = { conditions: { ready: false, serving: true, terminating: true } };
    const older = rawSlice("a", "echo", [rawEndpoint("10.0.0.1", "p1")]);
    const newer = rawSlice("b", "echo", [rawEndpoint("10.0.0.1", "p1", leaving)]);
    for (const slices of [
      [older, newer],
      [newer, older],
    ]) {
      const endpoints = endpointsOf({ slices });
      assert.deepEqual(
        endpoints.map(({ health }) => health),
        ["draining"],
      );
    }
  });

  it("compares versions as numbers", () => {
    const at = (resourceVersion: string, ready: boolean) =>
      ({
        ...rawSlice(`v${resourceVersion}`, "echo", [
          rawEndpoint("10.0.0.1", "p1", { conditions: { ready, serving: true, terminating: !ready } }),
        ]),
        metadata: metadata(`v${resourceVersion}`, {
          resourceVersion,
          labels: { "kubernetes.io/service-name": "echo" },
        }),
      }) as RawObject;
    const [endpoint] = endpointsOf({ slices: [at("99", true), at("100", false)] });
    assert.equal(endpoint?.health, "draining");
  });

  it("gives an address that two Pods claim to the one written last", () => {
    const older = rawSlice("a", "echo", [rawEndpoint("10.0.0.1", "old")]);
    const newer = rawSlice("b", "echo", [rawEndpoint("10.0.0.1", "new")]);
    assert.deepEqual(
      endpointsOf({ slices: [newer, older] }).map(({ key }) => key.split("|")[1]),
      ["uid-of-new"],
    );
  });

  it("does not send to an address whose new owner is not ready yet", () => {
    const older = rawSlice("a", "echo", [rawEndpoint("10.0.0.1", "old")]);
    const newer = rawSlice("b", "echo", [rawEndpoint("10.0.0.1", "new", { conditions: { ready: false } })]);
    assert.deepEqual(endpointsOf({ slices: [newer, older] }), []);
  });

  const CONDITIONS = [
    [{}, "healthy"],
    [{ ready: true }, "healthy"],
    [{ ready: true, serving: true, terminating: true }, "healthy"],
    [{ ready: false, serving: true, terminating: true }, "draining"],
    [{ ready: false, serving: true, terminating: false }, undefined],
    [{ ready: false, serving: false, terminating: true }, undefined],
    [{ ready: false, terminating: true }, undefined],
    [{ ready: false }, undefined],
  ] as const;
  for (const [conditions, health] of CONDITIONS) {
    it(`takes ${JSON.stringify(conditions)} for ${health ?? "no endpoint"}`, () => {
      const slices = [rawSlice("a", "echo", [rawEndpoint("10.0.0.1", "p1", { conditions })])];
      assert.equal(endpointsOf({ slices })[0]?.health, health);
    });
  }

  it("counts a Pod with addresses of two families once, by the Service's first family", () => {
    const v4 = rawSlice("a", "echo", [rawEndpoint("10.0.0.1", "p1"), rawEndpoint("10.0.0.2", "p2")]);
    const v6 = rawSlice("b", "echo", [rawEndpoint("fd00::1", "p1"), rawEndpoint("fd00::3", "p3")], {
      addressType: "IPv6",
    });
    assert.deepEqual(places(endpointsOf({ slices: [v4, v6] })), [
      "10.0.0.1:8080",
      "10.0.0.2:8080",
      "fd00::3:8080",
    ]);
    const service = rawService("echo", { ipFamilies: ["IPv6", "IPv4"] });
    assert.deepEqual(places(endpointsOf({ service, slices: [v4, v6] })), [
      "fd00::1:8080",
      "10.0.0.2:8080",
      "fd00::3:8080",
    ]);
  });

  it("takes one family of addresses that nobody ties to Pods", () => {
    const v4 = rawSlice("a", "echo", [rawEndpoint("192.0.2.1", "")]);
    const v6 = rawSlice("b", "echo", [rawEndpoint("2001:db8::1", "")], { addressType: "IPv6" });
    assert.deepEqual(places(endpointsOf({ slices: [v6, v4] })), ["192.0.2.1:8080"]);
    assert.deepEqual(places(endpointsOf({ slices: [v6] })), ["2001:db8::1:8080"]);
  });

  it("leaves out names and what is no address", () => {
    const slices = [
      rawSlice("a", "echo", [rawEndpoint("db.example.org", "")], { addressType: "FQDN" }),
      rawSlice("b", "echo", [rawEndpoint("not an address", "p1"), { addresses: [] }]),
    ];
    assert.deepEqual(endpointsOf({ slices }), []);
  });

  it("takes zones from slices or else from nodes, and regions from nodes", () => {
    const nodes = {
      n1: { "topology.kubernetes.io/zone": "z-node", "topology.kubernetes.io/region": "r1" },
    };
    const slices = [
      rawSlice("a", "echo", [
        rawEndpoint("10.0.0.1", "p1", { nodeName: "n1", zone: "z-slice" }),
        rawEndpoint("10.0.0.2", "p2", { nodeName: "n1" }),
        rawEndpoint("10.0.0.3", "p3", { nodeName: "unknown" }),
      ]),
    ];
    assert.deepEqual(
      endpointsOf({ slices, nodes }).map(({ node, zone, region }) => [node, zone, region]),
      [
        ["n1", "z-slice", "r1"],
        ["n1", "z-node", "r1"],
        ["unknown", "", ""],
      ],
    );
  });

  it("takes labels and weights from Pods, and says which weight is none", () => {
    const pods = [
      { metadata: metadata("p1", { labels: { shard: "7", "my.org/weight": "4", other: "x" } }) },
      { metadata: metadata("p2", { labels: { "my.org/weight": "heavy" } }) },
      { metadata: metadata("p3", { uid: "another Pod of that name", labels: { "my.org/weight": "9" } }) },
    ];
    const slices = [
      rawSlice("a", "echo", [
        rawEndpoint("10.0.0.1", "p1"),
        rawEndpoint("10.0.0.2", "p2"),
        rawEndpoint("10.0.0.3", "p3"),
      ]),
    ];
    const problems: Problem[] = [];
    const fields = { labels: ["shard"], weightLabel: "my.org/weight" };
    assert.deepEqual(
      endpointsOf({ slices, pods, fields }, problems).map(({ weight, labels }) => [weight, { ...labels }]),
      [
        [4, { shard: "7" }],
        [1, {}],
        [1, {}],
      ],
    );
    assert.match(problems[0]?.field ?? "", /Pod p2: metadata\.labels\[my\.org\/weight\]/);
    assert.match(problems[0]?.text ?? "", /found "heavy", wanted a whole number from 1 to 65535/);
    assert.equal(problems.length, 1);
  });

  it("says the same whatever the order of the slices", () => {
    const slices = Array.from({ length: 5 }, (_, i) =>
      rawSlice(`s${i}`, "echo", [rawEndpoint(`10.0.${i}.1`, `p${i}`), rawEndpoint(`10.0.${i}.2`, `q${i}`)]),
    );
    assert.deepEqual(endpointsOf({ slices: slices.toReversed() }), endpointsOf({ slices }));
  });
});
