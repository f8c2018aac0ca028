import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { RawObject } from "../../src/kube/raw-object.ts";
import type { ServiceModel } from "../../src/resource/service.ts";
import { ControllerRig } from "./harness/controller-rig.ts";
import { metadata, rawEndpoint, rawService, rawSlice } from "./harness/raw-objects.ts";

const ECHO = "echo.shop:50051";

function of(rig: ControllerRig, name = ECHO): ServiceModel {
  const service = rig.services.get(name);
  assert.ok(service, `there is no ${name}, only ${[...rig.services.keys()].join(", ")}`);
  return service;
}

describe("endpoints that go", () => {
  const pod = (name: string, more: object = {}): RawObject => ({ metadata: { ...metadata(name), ...more } });
  const slice = (...pods: readonly string[]) =>
    rawSlice(
      "echo-1",
      "echo",
      pods.map((name, i) => rawEndpoint(`10.0.0.${i + 1}`, name)),
    );

  it("are meant to when their Pods are gone, or going, or unknown to the API", async () => {
    const rig = new ControllerRig();
    await rig.write("pods", pod("a"), pod("b"), pod("c"));
    await rig.write("services", rawService("echo"));
    await rig.write("slices", slice("a", "b", "c", "d"));
    assert.equal(of(rig).deliberate, undefined);
    await rig.write("pods", pod("b", { deletionTimestamp: "2026-11-23T00:00:00Z" }));
    await rig.delete("pods", pod("c"));
    await rig.write("slices", slice("a"));
    assert.equal(of(rig).deliberate, true);
  });

  it("are not known to be meant while one of their Pods lives, ready or not", async () => {
    const rig = new ControllerRig();
    await rig.write("pods", pod("a"), pod("b"));
    await rig.write("services", rawService("echo"));
    await rig.write("slices", slice("a", "b"));
    await rig.delete("pods", pod("a"));
    await rig.write("slices", slice());
    assert.deepEqual(of(rig).cluster.endpoints, []);
    assert.equal(of(rig).deliberate, undefined);

    await rig.write("slices", slice("b"));
    const conditions = { ready: false, serving: false, terminating: false };
    await rig.write("slices", rawSlice("echo-1", "echo", [rawEndpoint("10.0.0.2", "b", { conditions })]));
    assert.deepEqual(of(rig).cluster.endpoints, []);
    assert.equal(of(rig).deliberate, undefined);
  });

  it("are not missing when another slice has them now", async () => {
    const rig = new ControllerRig();
    await rig.write("pods", pod("a"), pod("b"));
    await rig.write("services", rawService("echo"));
    await rig.write("slices", slice("a", "b"));
    await rig.write("slices", rawSlice("echo-2", "echo", [rawEndpoint("10.0.0.2", "b")]), slice("a"));
    assert.equal(of(rig).cluster.endpoints.length, 2);
  });
});
