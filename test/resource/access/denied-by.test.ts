import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { NETWORK_POLICIES } from "../../../src/kube/objects/network-policy-object.ts";
import type { AccessParty, AccessPolicy } from "../../../src/resource/access/access-policy.ts";
import { deniedBy } from "../../../src/resource/access/denied-by.ts";
import { endpointVerdicts } from "../../../src/resource/access/endpoint-verdicts.ts";
import { matchesSelector } from "../../../src/resource/access/matches-selector.ts";

/** A policy as people write it, for the side that is asked about. */
function policy(spec: object, direction: "ingress" | "egress" = "ingress", name = "p"): AccessPolicy {
  const metadata = { name, namespace: "shop" };
  const decoded = NETWORK_POLICIES.decode({ metadata, spec });
  return {
    name: `shop/${name}`,
    namespace: "shop",
    rules: decoded[direction] ?? assert.fail("no such side"),
  };
}

function pod(namespace: string, labels: Record<string, string> = {}, address = "10.1.0.7"): AccessParty {
  const namespaceLabels = {
    team: namespace === "shop" ? "a" : "b",
    "kubernetes.io/metadata.name": namespace,
  };
  return { namespace, labels, namespaceLabels, addresses: [address] };
}

const ingress = (...rules: object[]) => policy({ podSelector: {}, policyTypes: ["Ingress"], ingress: rules });
const front = { matchLabels: { app: "front" } };
const teamB = { matchLabels: { team: "b" } };

/** What the documentation of Kubernetes says, row by row: rule, other side, port, whether it is allowed. */
const ROWS: readonly (readonly [string, AccessPolicy, AccessParty, number, boolean])[] = [
  ["no rule allows nothing: default deny", ingress(), pod("shop"), 80, false],
  ["an empty rule allows everything: allow all", ingress({}), pod("bank"), 80, true],
  [
    "a podSelector means Pods of the policy's own namespace",
    ingress({ from: [{ podSelector: front }] }),
    pod("shop", { app: "front" }),
    80,
    true,
  ],
  [
    "and no Pods of another one with these labels",
    ingress({ from: [{ podSelector: front }] }),
    pod("bank", { app: "front" }),
    80,
    false,
  ],
  [
    "and no other Pods of its own",
    ingress({ from: [{ podSelector: front }] }),
    pod("shop", { app: "back" }),
    80,
    false,
  ],
  [
    "an empty podSelector means all Pods of its own namespace",
    ingress({ from: [{ podSelector: {} }] }),
    pod("shop"),
    80,
    true,
  ],
  ["and none of another", ingress({ from: [{ podSelector: {} }] }), pod("bank"), 80, false],
  [
    "a namespaceSelector means all Pods of such namespaces",
    ingress({ from: [{ namespaceSelector: teamB }] }),
    pod("bank", { any: "x" }),
    80,
    true,
  ],
  [
    "and of no others, its own included",
    ingress({ from: [{ namespaceSelector: teamB }] }),
    pod("shop"),
    80,
    false,
  ],
  [
    "an empty namespaceSelector means all Pods of all namespaces",
    ingress({ from: [{ namespaceSelector: {} }] }),
    pod("bank"),
    80,
    true,
  ],
  [
    "but nothing that is no Pod",
    ingress({ from: [{ namespaceSelector: {} }] }),
    { ...pod(""), namespaceLabels: {} },
    80,
    false,
  ],
  [
    "both in one entry: such Pods of such namespaces",
    ingress({ from: [{ namespaceSelector: teamB, podSelector: front }] }),
    pod("bank", { app: "front" }),
    80,
    true,
  ],
  [
    "both in one entry: not other Pods of such namespaces",
    ingress({ from: [{ namespaceSelector: teamB, podSelector: front }] }),
    pod("bank"),
    80,
    false,
  ],
  [
    "both in one entry: not such Pods of its own namespace",
    ingress({ from: [{ namespaceSelector: teamB, podSelector: front }] }),
    pod("shop", { app: "front" }),
    80,
    false,
  ],
  [
    "in two entries: either will do, the first",
    ingress({ from: [{ namespaceSelector: teamB }, { podSelector: front }] }),
    pod("bank"),
    80,
    true,
  ],
  [
    "in two entries: either will do, the second",
    ingress({ from: [{ namespaceSelector: teamB }, { podSelector: front }] }),
    pod("shop", { app: "front" }),
    80,
    true,
  ],
  [
    "a namespace by the name that the API server labels it with",
    ingress({ from: [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "bank" } } }] }),
    pod("bank"),
    80,
    true,
  ],
  [
    "an ipBlock means addresses, a Pod's too",
    ingress({ from: [{ ipBlock: { cidr: "10.1.0.0/16" } }] }),
    pod("bank"),
    80,
    true,
  ],
  ["and no others", ingress({ from: [{ ipBlock: { cidr: "10.2.0.0/16" } }] }), pod("shop"), 80, false],
  [
    "without its exceptions",
    ingress({ from: [{ ipBlock: { cidr: "10.0.0.0/8", except: ["10.1.0.0/24"] } }] }),
    pod("shop"),
    80,
    false,
  ],
  [
    "an exception of one rule takes nothing from another",
    ingress({ from: [{ ipBlock: { cidr: "10.0.0.0/8", except: ["10.1.0.0/24"] } }, { podSelector: {} }] }),
    pod("shop"),
    80,
    true,
  ],
  [
    "an ipBlock of IPv6",
    ingress({ from: [{ ipBlock: { cidr: "fd00:1::/64" } }] }),
    pod("shop", {}, "fd00:1::7"),
    80,
    true,
  ],
  [
    "everything of IPv4 is nothing of IPv6",
    ingress({ from: [{ ipBlock: { cidr: "0.0.0.0/0" } }] }),
    pod("shop", {}, "fd00:1::7"),
    80,
    false,
  ],
  [
    "bits behind the prefix have no meaning",
    ingress({ from: [{ ipBlock: { cidr: "10.1.0.99/16" } }] }),
    pod("shop"),
    80,
    true,
  ],
  ["a port by number", ingress({ ports: [{ port: 80 }] }), pod("bank"), 80, true],
  ["and no other", ingress({ ports: [{ port: 80 }] }), pod("bank"), 81, false],
  [
    "of TCP, where another protocol is said not",
    ingress({ ports: [{ port: 80, protocol: "UDP" }] }),
    pod("bank"),
    80,
    false,
  ],
  ["all ports of TCP", ingress({ ports: [{ protocol: "TCP" }] }), pod("bank"), 4_711, true],
  ["a range: its first", ingress({ ports: [{ port: 80, endPort: 90 }] }), pod("bank"), 80, true],
  ["a range: its last", ingress({ ports: [{ port: 80, endPort: 90 }] }), pod("bank"), 90, true],
  ["a range: what is behind it", ingress({ ports: [{ port: 80, endPort: 90 }] }), pod("bank"), 91, false],
  ["a port by its container's name", ingress({ ports: [{ port: "grpc" }] }), pod("bank"), 80, true],
  ["and no other name", ingress({ ports: [{ port: "http" }] }), pod("bank"), 80, false],
  [
    "from and ports have to hold both",
    ingress({ from: [{ podSelector: {} }], ports: [{ port: 81 }] }),
    pod("shop"),
    80,
    false,
  ],
  [
    "of one rule, not of two",
    ingress(
      { from: [{ podSelector: {} }], ports: [{ port: 81 }] },
      { from: [{ podSelector: front }], ports: [{ port: 80 }] },
    ),
    pod("shop"),
    80,
    false,
  ],
];

describe("deniedBy", () => {
  for (const [title, of, other, port, isAllowed] of ROWS) {
    test(title, () => assert.equal(deniedBy([of], other, port, ["grpc"]), isAllowed ? "" : "shop/p"));
  }

  test("who is selected by no policy may have everything", () => {
    assert.equal(deniedBy([], pod("bank"), 80, []), "");
  });

  test("policies add up, whatever their order, and the first that selects is named where none allows", () => {
    const none = policy({ podSelector: {}, policyTypes: ["Ingress"] }, "ingress", "none");
    const some = ingress({ from: [{ podSelector: front }] });
    for (const both of [
      [none, some],
      [some, none],
    ])
      assert.equal(deniedBy(both, pod("shop", { app: "front" }), 80, []), "");
    assert.equal(deniedBy([none, some], pod("bank"), 80, []), "shop/none");
  });
});

test("expressions of selectors", () => {
  const matches = (operator: string, values: string[], labels: Record<string, string>) =>
    matchesSelector({ matchLabels: {}, matchExpressions: [{ key: "tier", operator, values }] }, labels);
  assert.equal(matches("In", ["a", "b"], { tier: "b" }), true);
  assert.equal(matches("In", ["a", "b"], { tier: "c" }), false);
  assert.equal(matches("In", ["a", "b"], {}), false);
  assert.equal(matches("NotIn", ["a"], { tier: "b" }), true);
  assert.equal(matches("NotIn", ["a"], { tier: "a" }), false);
  assert.equal(matches("NotIn", ["a"], {}), true, "who has no such label has none of the values");
  assert.equal(matches("Exists", [], { tier: "" }), true);
  assert.equal(matches("Exists", [], {}), false);
  assert.equal(matches("DoesNotExist", [], {}), true);
  assert.equal(matches("DoesNotExist", [], { tier: "a" }), false);
  assert.equal(matches("Sometimes", [], { tier: "a" }), false, "what nobody knows matches nothing");
  const own = { matchLabels: { constructor: "x" }, matchExpressions: [] };
  assert.equal(matchesSelector(own, {}), false);
});

describe("endpointVerdicts", () => {
  const caller = { ...pod("shop", { app: "front" }), egress: [] };
  const cls = (labels: Record<string, string>, selecting: number[]) => {
    return { namespace: "shop", labels, namespaceLabels: {}, ingress: selecting };
  };
  const only = (label: string) => ingress({ from: [{ podSelector: { matchLabels: { app: label } } }] });

  test("says nothing where no policy selects either side", () => {
    assert.equal(endpointVerdicts(caller, null), undefined);
    const access = { ingress: [only("x")], classes: [cls({}, [])], members: {}, portNames: [] };
    assert.equal(endpointVerdicts(caller, access), undefined);
  });

  test("tells endpoints of one service apart by the policies that select them", () => {
    const access = {
      ingress: [only("front"), only("back")],
      classes: [cls({ v: "1" }, [0]), cls({ v: "2" }, [1])],
      members: { "10.9.0.2": 1 },
      portNames: [],
    };
    const judge = endpointVerdicts(caller, access)!;
    assert.equal(judge("10.9.0.1", 80), "");
    assert.equal(judge("10.9.0.2", 80), "shop/p");
  });

  test("needs leave of the caller's policies too, by the endpoint's labels, namespace and address", () => {
    const egressTo = (...to: object[]) =>
      policy({ podSelector: {}, policyTypes: ["Egress"], egress: [{ to }] }, "egress", "out");
    const access = {
      ingress: [only("front")],
      classes: [cls({ v: "1" }, [0]), cls({ v: "2" }, [])],
      members: { "10.9.0.2": 1 },
      portNames: [],
    };
    const v2 = { ...caller, egress: [egressTo({ podSelector: { matchLabels: { v: "2" } } })] };
    assert.equal(endpointVerdicts(v2, access)!("10.9.0.1", 80), "shop/out");
    assert.equal(endpointVerdicts(v2, access)!("10.9.0.2", 80), "");
    const block = { ...caller, egress: [egressTo({ ipBlock: { cidr: "10.9.0.1/32" } })] };
    assert.equal(endpointVerdicts(block, access)!("10.9.0.1", 80), "");
    assert.equal(endpointVerdicts(block, access)!("10.9.0.2", 80), "shop/out");
    assert.equal(
      endpointVerdicts(block, null)!("10.9.0.1", 80),
      "",
      "addresses count where nothing else is known",
    );
    const both = { ...caller, labels: { app: "other" }, egress: v2.egress };
    assert.equal(endpointVerdicts(both, access)!("10.9.0.1", 80), "shop/out");
  });
});
