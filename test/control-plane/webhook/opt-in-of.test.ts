import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { IncomingPod } from "../../../src/control-plane/webhook/admission-review.ts";
import { optInOf } from "../../../src/control-plane/webhook/opt-in-of.ts";
import type { ClusterObjects } from "../../../src/controller/cluster-objects.ts";
import type { NamespaceObject } from "../../../src/kube/objects/namespace-object.ts";
import { NAMESPACES } from "../../../src/kube/objects/namespace-object.ts";

function namespaces(metadata: object): Pick<ClusterObjects, "namespaces"> {
  const object: NamespaceObject = NAMESPACES.decode({ metadata });
  return { namespaces: { get: () => object } as unknown as ClusterObjects["namespaces"] };
}

function pod(metadata: IncomingPod["metadata"], containers: readonly string[] = ["app"]): IncomingPod {
  return { metadata, spec: { containers: containers.map((name) => ({ name })) } };
}

const SHOP = namespaces({
  name: "shop",
  annotations: { "isobar.dev/mode": "transparent", "isobar.dev/percent": "25", "isobar.dev/fail": "closed" },
});

describe("what a Pod that is not there yet has opted in to", () => {
  it("is what its Namespace says, and its own word before that", () => {
    assert.deepEqual(optInOf(SHOP, "shop", pod({})), {
      mode: "transparent",
      percent: 25,
      failClosed: true,
      mesh: "",
    });
    const own = pod({ annotations: { "isobar.dev/mode": "proxy-env", other: "x" } });
    const { mode, percent } = optInOf(SHOP, "shop", own);
    assert.deepEqual([mode, percent], ["proxy-env", 100]);
    assert.equal(optInOf(SHOP, "shop", pod({ annotations: { "isobar.dev/mode": "off" } })).mode, "off");
    assert.equal(optInOf(namespaces({ name: "bank" }), "bank", pod({})).mode, "off");
  });

  const meshes: readonly (readonly [IncomingPod, string])[] = [
    [pod({ annotations: { "sidecar.istio.io/status": "{}" } }), "istio"],
    [pod({ labels: { "sidecar.istio.io/inject": "true" } }), "istio"],
    [pod({}, ["app", "istio-proxy"]), "istio"],
    [pod({ annotations: { "linkerd.io/inject": "enabled" } }), "linkerd"],
    [pod({ labels: { "istio.io/dataplane-mode": "ambient" } }), "ambient"],
    [
      pod({
        labels: { "sidecar.istio.io/inject": "false" },
        annotations: { "linkerd.io/inject": "disabled" },
      }),
      "",
    ],
  ];
  for (const [target, mesh] of meshes) {
    it(`${JSON.stringify(target)} is in ${mesh === "" ? "no mesh" : mesh}`, () => {
      assert.equal(optInOf(SHOP, "shop", target).mesh, mesh);
    });
  }

  it("a Namespace in an ambient mesh takes in the Pods that say nothing of it", () => {
    const ambient = namespaces({ name: "a", labels: { "istio.io/dataplane-mode": "ambient" } });
    assert.equal(optInOf(ambient, "a", pod({})).mesh, "ambient");
    assert.equal(optInOf(ambient, "a", pod({ labels: { "istio.io/dataplane-mode": "none" } })).mesh, "");
  });
});
