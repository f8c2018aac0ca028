import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AccessBook } from "../../../src/controller/access/access-book.ts";
import { nodeIsolation } from "../../../src/controller/access/node-isolation.ts";
import type { KubeObject } from "../../../src/kube/kube-object.ts";
import { ObjectStore } from "../../../src/kube/object-store.ts";
import { ENDPOINT_SLICES } from "../../../src/kube/objects/endpoint-slice-object.ts";
import { NAMESPACES } from "../../../src/kube/objects/namespace-object.ts";
import { NETWORK_POLICIES } from "../../../src/kube/objects/network-policy-object.ts";
import { PODS } from "../../../src/kube/objects/pod-object.ts";
import { SERVICES } from "../../../src/kube/objects/service-object.ts";

function store<T extends KubeObject>(): ObjectStore<T> {
  return new ObjectStore<T>({ onChange: () => {}, onFault: (error) => assert.fail(String(error)) });
}

/** A namespace with two Pods behind one Service. */
class Rig {
  readonly objects = {
    pods: store<ReturnType<typeof PODS.decode>>(),
    namespaces: store<ReturnType<typeof NAMESPACES.decode>>(),
  };
  readonly book = new AccessBook(this.objects);
  readonly service;
  readonly slice;

  constructor(targetPort: number | string = 8080) {
    const labels = { team: "a", "kubernetes.io/metadata.name": "shop" };
    this.objects.namespaces.upsert(NAMESPACES.decode({ metadata: { name: "shop", uid: "n", labels } }));
    for (const version of ["1", "2"]) {
      const podLabels = { app: "echo", version, "pod-template-hash": `h${version}` };
      const metadata = { name: `echo-${version}`, namespace: "shop", uid: `u${version}`, labels: podLabels };
      this.objects.pods.upsert(PODS.decode({ metadata }));
    }
    const ports = [{ name: "grpc", port: 80, targetPort }];
    this.service = SERVICES.decode({ metadata: { name: "echo", namespace: "shop" }, spec: { ports } });
    this.slice = ENDPOINT_SLICES.decode({
      metadata: { name: "echo-1", namespace: "shop", labels: { "kubernetes.io/service-name": "echo" } },
      addressType: "IPv4",
      ports: [{ name: "grpc", port: 8080, protocol: "TCP" }],
      endpoints: ["1", "2"].map((version) => ({
        addresses: [`10.1.0.${version}`],
        targetRef: { kind: "Pod", name: `echo-${version}`, uid: `u${version}` },
      })),
    } as object);
  }

  write(name: string, spec: object, verb: "ADDED" | "DELETED" = "ADDED") {
    const object = NETWORK_POLICIES.decode({
      metadata: { name, namespace: "shop", resourceVersion: "1" },
      spec,
    });
    return this.book.change({ verb, object, previous: verb === "DELETED" ? object : undefined });
  }

  get access() {
    return this.book.ofService(this.service, this.service.ports[0]!, [this.slice]);
  }

  isolation(proxies: readonly string[]) {
    return nodeIsolation(this.service, this.service.ports, [this.slice], proxies, this.book, this.objects);
  }
}

const echo = { matchLabels: { app: "echo" } };
const front = { podSelector: { matchLabels: { app: "front" } } };

describe("AccessBook", () => {
  it("says nothing of a service where no policy could", () => {
    const rig = new Rig();
    assert.equal(rig.access, null);
    assert.equal(rig.book.mattersTo("shop"), false);
    rig.write("others", { podSelector: { matchLabels: { app: "other" } }, ingress: [] });
    assert.equal(rig.access, null, "it selects none of its endpoints");
  });

  it("makes one class of endpoints that no policy tells apart, whatever their other labels are", () => {
    const rig = new Rig();
    rig.write("echo", { podSelector: echo, ingress: [{ from: [front] }] });
    assert.deepEqual(rig.access!.classes, [
      { namespace: "shop", labels: {}, namespaceLabels: {}, ingress: [0] },
    ]);
    assert.deepEqual(rig.access!.members, {});
    assert.equal(rig.access!.ingress[0]!.name, "shop/echo");
  });

  it("makes classes by the policies that select them, and by labels that policies of callers look at", () => {
    const rig = new Rig();
    rig.write("new", { podSelector: { matchLabels: { version: "2" } }, ingress: [] });
    assert.deepEqual(
      rig.access!.classes.map(({ ingress }) => ingress),
      [[], [0]],
    );
    assert.deepEqual(rig.access!.members, { "10.1.0.2": 1 });
    const to = [
      { podSelector: { matchLabels: { version: "1" } }, namespaceSelector: { matchLabels: { team: "a" } } },
    ];
    assert.equal(
      rig.write("out", { podSelector: {}, policyTypes: ["Egress"], egress: [{ to }] }).isEverywhere,
      true,
    );
    assert.deepEqual(
      rig.access!.classes.map(({ labels, namespaceLabels }) => [labels, namespaceLabels]),
      [
        [{ version: "1" }, { team: "a" }],
        [{ version: "2" }, { team: "a" }],
      ],
    );
  });

  it("takes a Pod at its node's address for the node: no policy selects it, and no selector finds it", () => {
    const rig = new Rig();
    assert.equal(rig.book.setNodes(["10.1.0.2"]).size, 0, "without policies nobody has to look again");
    const to = [{ podSelector: {} }, { ipBlock: { cidr: "10.1.0.0/24" } }];
    rig.write("echo", { podSelector: echo, ingress: [{ from: [front] }] });
    rig.write("out", { podSelector: front.podSelector, policyTypes: ["Egress"], egress: [{ to }] });
    assert.deepEqual(
      rig.access!.classes.map(({ namespace, ingress }) => [namespace, ingress]),
      [
        ["shop", [0]],
        ["", []],
      ],
    );
    assert.deepEqual(rig.access!.members, { "10.1.0.2": 1 });
    assert.match(rig.isolation(["192.168.0.1"])!.message, /Pod echo-1 /);
    assert.deepEqual([...rig.book.setNodes(["10.1.0.1", "10.1.0.2"])], ["10.1.0.1"]);
    assert.equal(rig.isolation(["192.168.0.1"]), undefined, "the network lets everybody in there");
    assert.deepEqual([...rig.book.setNodes(["10.1.0.1"])], ["10.1.0.2"]);
    assert.deepEqual(rig.access!.members, { "10.1.0.2": 1 });
    assert.deepEqual(rig.access!.classes[1]!.ingress, [0]);
  });

  it("tells of a caller what selects it, and the labels that somebody looks at", () => {
    const rig = new Rig();
    const caller = { namespace: "shop", labels: { app: "front", tier: "web" } };
    assert.deepEqual(rig.book.ofCaller(caller), { labels: {}, namespaceLabels: {}, egress: [] });
    assert.equal(rig.write("echo", { podSelector: echo, ingress: [{ from: [front] }] }).isEverywhere, true);
    assert.deepEqual(rig.book.ofCaller(caller).labels, { app: "front" });
    assert.equal(
      rig.write("echo-2", { podSelector: echo, ingress: [{ from: [front] }] }).isEverywhere,
      false,
      "callers have told all that it looks at",
    );
    const egress = { podSelector: front.podSelector, policyTypes: ["Egress"] };
    rig.write("out", egress);
    assert.deepEqual(
      rig.book.ofCaller(caller).egress.map(({ name }) => name),
      ["shop/out"],
    );
    assert.deepEqual(rig.book.ofCaller({ ...caller, labels: {} }).egress, []);
    assert.equal(rig.write("out", egress, "DELETED").isEverywhere, true);
    assert.deepEqual(rig.book.ofCaller(caller).egress, []);
  });
});

describe("nodeIsolation", () => {
  const nodes = ["192.168.0.1", "192.168.0.2"];

  it("finds nothing where no policy selects endpoints, or nodes are let in", () => {
    const rig = new Rig();
    assert.equal(rig.isolation(nodes), undefined);
    rig.write("echo", { podSelector: echo, ingress: [{ from: [{ ipBlock: { cidr: "192.168.0.0/24" } }] }] });
    assert.equal(rig.isolation(nodes), undefined);
    assert.equal(rig.isolation([])?.reason, "IsolatedFromNodes", "where proxies are is not known");
    rig.write("open", { podSelector: echo, ingress: [{ ports: [{ port: 8080 }] }] });
    assert.equal(rig.isolation([]), undefined, "everybody may connect");
  });

  it("prints the rule that lets the nodes in", () => {
    const rig = new Rig();
    rig.write("echo", {
      podSelector: echo,
      ingress: [{ from: [front, { ipBlock: { cidr: "192.168.0.1/32" } }] }],
    });
    const { reason, message } = rig.isolation([...nodes, "fd00::2"])!;
    assert.equal(reason, "IsolatedFromNodes");
    assert.match(message, /^NetworkPolicy shop\/echo: /);
    assert.ok(
      message.includes(
        "- {from: [{ipBlock: {cidr: 192.168.0.2/32}}, {ipBlock: {cidr: fd00::2/128}}], ports: [{protocol: TCP, port: 8080}]}",
      ),
      message,
    );
  });

  it("leaves alone what a policy says of ports by names that are not known here", () => {
    const policy = { podSelector: echo, ingress: [{ ports: [{ port: "grpc" }] }] };
    const unknown = new Rig();
    unknown.write("echo", policy);
    assert.equal(unknown.isolation(nodes)?.reason, "PolicyNotUnderstood");
    const known = new Rig("grpc");
    known.write("echo", policy);
    assert.equal(known.isolation(nodes), undefined);
    assert.deepEqual(known.access!.portNames, ["grpc"]);
  });
});
