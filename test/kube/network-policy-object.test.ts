import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { NETWORK_POLICIES } from "../../src/kube/objects/network-policy-object.ts";

const metadata = { name: "p", namespace: "shop", uid: "1", resourceVersion: "1" };

describe("a NetworkPolicy", () => {
  it("without types says something about what comes in, and about what goes out if it has such rules", () => {
    const only = NETWORK_POLICIES.decode({ metadata, spec: { podSelector: {} } });
    assert.deepEqual(only.ingress, []);
    assert.equal(only.egress, undefined);
    const both = NETWORK_POLICIES.decode({ metadata, spec: { podSelector: {}, egress: [{}] } });
    assert.deepEqual(both.egress, [{ peers: [], ports: [] }]);
  });

  it("keeps apart what stands in no namespace selector and what stands in an empty one", () => {
    const spec = {
      podSelector: { matchExpressions: [{ key: "tier", operator: "In", values: ["db"] }] },
      policyTypes: ["Egress"],
      egress: [{ to: [{ podSelector: {} }, { namespaceSelector: {} }], ports: [{ port: 80, endPort: 90 }] }],
    };
    const { ingress, egress, podSelector } = NETWORK_POLICIES.decode({ metadata, spec });
    assert.equal(ingress, undefined);
    assert.deepEqual(podSelector.matchExpressions, [{ key: "tier", operator: "In", values: ["db"] }]);
    const [mine, all] = egress![0]!.peers;
    assert.equal(mine?.namespaceSelector, undefined);
    assert.notEqual(all?.namespaceSelector, undefined);
    assert.deepEqual(egress![0]!.ports, [{ protocol: "TCP", port: 80, endPort: 90 }]);
  });
});
