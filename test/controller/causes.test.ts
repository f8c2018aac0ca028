import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { RawObject } from "../../src/kube/raw-object.ts";
import { keptMetadata } from "../../src/kube/raw-object.ts";
import { ControllerRig } from "./harness/controller-rig.ts";
import { metadata, rawEndpoint, rawService, rawSlice } from "./harness/raw-objects.ts";

const ECHO = "echo.shop:50051";

function writtenBy(object: RawObject, manager: string): RawObject {
  const managedFields = [{ manager, time: "2026-11-23T12:00:00Z" }];
  return { ...object, metadata: { ...object.metadata!, managedFields } };
}

function policy(spec: object): RawObject {
  return { metadata: metadata("p"), spec: { targetRefs: [{ name: "echo" }], ...spec } };
}

function cause({ services }: ControllerRig): readonly string[] {
  const { object, verb, fieldManager, resourceVersion } = services.get(ECHO)!.cause!;
  assert.notEqual(resourceVersion, "");
  return [object, verb, fieldManager];
}

describe("the cause of a service's version", () => {
  it("is the object whose change was taken up last, with the verb and who wrote it", async () => {
    const rig = new ControllerRig();
    await rig.write("services", writtenBy(rawService("echo"), "kubectl"));
    assert.deepEqual(cause(rig), ["Service shop/echo", "ADDED", "kubectl"]);
    const slice = rawSlice("echo-1", "echo", [rawEndpoint("10.0.0.1", "a")]);
    await rig.write("slices", writtenBy(slice, "kube-controller-manager"));
    assert.deepEqual(cause(rig), ["EndpointSlice shop/echo-1", "ADDED", "kube-controller-manager"]);
    await rig.delete("slices", slice);
    assert.deepEqual(cause(rig).slice(0, 2), ["EndpointSlice shop/echo-1", "DELETED"]);
  });

  it("is the policy that was written or deleted", async () => {
    const rig = new ControllerRig();
    await rig.write("services", rawService("echo"));
    const limited = policy({ maxPendingStreams: 5 });
    await rig.write("policies", writtenBy(limited, "argocd"));
    assert.deepEqual(cause(rig), ["TrafficPolicy shop/p", "ADDED", "argocd"]);
    await rig.delete("policies", limited);
    assert.deepEqual(cause(rig).slice(0, 2), ["TrafficPolicy shop/p", "DELETED"]);
  });

  it("goes with a service that is gone", async () => {
    const rig = new ControllerRig();
    const service = rawService("echo");
    await rig.write("services", service);
    await rig.delete("services", service);
    assert.deepEqual(
      [rig.removed.get(ECHO)?.object, rig.removed.get(ECHO)?.verb],
      ["Service shop/echo", "DELETED"],
    );
  });
});

describe("who wrote an object last", () => {
  const fields = (
    ...entries: readonly (readonly [manager: string, time: string, subresource?: string])[]
  ): string => {
    const managedFields = entries.map(([manager, time, subresource]) => ({
      manager,
      time,
      ...(subresource === undefined ? {} : { subresource }),
    }));
    return keptMetadata({ metadata: { ...metadata("a"), managedFields } }).manager;
  };

  it("is the manager of the latest entry, of one time the later one", () => {
    assert.equal(fields(["a", "2026-01-02T00:00:00Z"], ["b", "2026-01-01T00:00:00Z"]), "a");
    assert.equal(fields(["a", "2026-01-02T00:00:00Z"], ["b", "2026-01-02T00:00:00Z"]), "b");
    assert.equal(fields(), "");
  });

  it("is nobody who wrote but the status, unless nobody else did", () => {
    assert.equal(
      fields(["kubectl", "2026-01-01T00:00:00Z"], ["kubelet", "2026-01-02T00:00:00Z", "status"]),
      "kubectl",
    );
    assert.equal(
      fields(["kubelet", "2026-01-02T00:00:00Z", "status"], ["kubectl", "2026-01-01T00:00:00Z"]),
      "kubectl",
    );
    assert.equal(fields(["kubelet", "2026-01-02T00:00:00Z", "status"]), "kubelet");
  });
});
