import assert from "node:assert/strict";
import { it } from "node:test";
import { NETWORK_POLICIES } from "../../../src/kube/objects/network-policy-object.ts";
import { ControllerRig } from "../harness/controller-rig.ts";
import { metadata, rawEndpoint, rawService, rawSlice } from "../harness/raw-objects.ts";

const ECHO = "echo.shop:50051";

it("makes services anew when an endpoint's address turns out to be a node's, which policies do not concern", async () => {
  const rig = new ControllerRig({ proxies: "shop/isobar-proxy" });
  await rig.write("services", rawService("echo"), rawService("isobar-proxy"));
  await rig.write("pods", { metadata: { ...metadata("a"), labels: { app: "echo" } } });
  await rig.write("slices", rawSlice("echo-1", "echo", [rawEndpoint("10.0.0.1", "a")]));
  const object = NETWORK_POLICIES.decode({
    metadata: metadata("nobody"),
    spec: { podSelector: {}, policyTypes: ["Ingress"] },
  } as object);
  rig.controller.onNetworkPolicy({ verb: "ADDED", object, previous: undefined });
  await rig.controller.queue.drained();
  const policies = () => rig.services.get(ECHO)?.cluster.settings.access?.ingress.map(({ name }) => name);
  assert.deepEqual(policies(), ["shop/nobody"]);

  const proxies = rawSlice("isobar-proxy-1", "isobar-proxy", [rawEndpoint("10.0.0.1", "")]);
  await rig.write("slices", proxies);
  assert.equal(policies(), undefined);
  assert.equal(rig.services.get(ECHO)?.cause?.object, "EndpointSlice shop/isobar-proxy-1");

  await rig.delete("slices", proxies);
  assert.deepEqual(policies(), ["shop/nobody"]);
});
