import assert from "node:assert/strict";
import { it } from "node:test";
import { ControllerRig } from "./harness/controller-rig.ts";
import { metadata, rawEndpoint, rawService, rawSlice } from "./harness/raw-objects.ts";

const ECHO = "echo.shop:50051";

it("before Pods have been listed only services that look at their labels wait", async () => {
  let listed = false;
  const rig = new ControllerRig({ arePodsListed: () => listed });
  const annotations = { "isobar.dev/weight-label": "my.org/weight" };
  await rig.write("services", rawService("echo", {}, { annotations }), rawService("plain"));
  await rig.write("slices", rawSlice("echo-1", "echo", [rawEndpoint("10.0.0.1", "a")]));
  assert.deepEqual([...rig.services.keys()], ["plain.shop:50051"]);
  assert.equal(rig.controller.waitsForPods, true);

  await rig.write("pods", { metadata: { ...metadata("a"), labels: { "my.org/weight": "7" } } });
  assert.equal(rig.services.has(ECHO), false, "others may be missing yet");
  listed = true;
  rig.controller.podsListed();
  await rig.controller.queue.drained();
  const [endpoint] = rig.services.get(ECHO)?.cluster.endpoints ?? [];
  assert.equal(endpoint?.weight, 7);
  assert.equal(rig.controller.waitsForPods, false);
  assert.equal(rig.services.get(ECHO)?.cause?.object, "Pod shop/a");
});

it("endpoints that go before Pods have been listed are not known to be meant", async () => {
  const rig = new ControllerRig({ arePodsListed: () => false });
  await rig.write("services", rawService("echo"));
  await rig.write("slices", rawSlice("echo-1", "echo", [rawEndpoint("10.0.0.1", "a")]));
  await rig.write("slices", rawSlice("echo-1", "echo", []));
  assert.deepEqual(rig.services.get(ECHO)?.cluster.endpoints, []);
  assert.equal(rig.services.get(ECHO)?.deliberate, undefined);
});
