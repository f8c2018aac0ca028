import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { RawObject } from "../../src/kube/raw-object.ts";
import { ControllerRig } from "./harness/controller-rig.ts";
import { metadata, rawService } from "./harness/raw-objects.ts";

describe("sessionAffinityConfig", () => {
  const affinity = (timeoutSeconds: number) =>
    rawService("echo", {
      sessionAffinity: "ClientIP",
      sessionAffinityConfig: { clientIP: { timeoutSeconds } },
    });
  const said = (rig: ControllerRig) => rig.said.get("Service echo")!.conditions;

  it("with a time of its own is refused in a condition that says why, and callers are kept together all the same", async () => {
    const rig = new ControllerRig();
    await rig.write("services", affinity(60));
    const [condition, ...others] = said(rig);
    assert.deepEqual(others, []);
    assert.deepEqual(
      [condition!.type, condition!.status],
      ["isobar.dev/SessionAffinityTimeoutUsed", "False"],
    );
    assert.match(
      condition!.message,
      /^spec\.sessionAffinityConfig\.clientIP\.timeoutSeconds: found 60, wanted 10800/,
    );
    assert.equal(rig.services.get("echo.shop:50051")?.cluster.settings.loadBalancing.policy, "ring_hash");
  });

  it("with the usual time is nothing to speak of, unless there was something before", async () => {
    const rig = new ControllerRig();
    const usual = affinity(10_800);
    await rig.write("services", usual);
    assert.deepEqual(said(rig), []);
    const stood = {
      type: "isobar.dev/SessionAffinityTimeoutUsed",
      status: "False",
      reason: "Hashed",
      message: "m",
    };
    const { generation, resourceVersion } = metadata("later");
    const meta = { ...usual.metadata, generation, resourceVersion } as NonNullable<RawObject["metadata"]>;
    await rig.write("services", { ...usual, metadata: meta, status: { conditions: [stood] } });
    assert.deepEqual(
      said(rig).map(({ status }) => status),
      ["True"],
    );
  });
});
