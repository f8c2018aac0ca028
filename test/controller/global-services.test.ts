import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { RawObject } from "../../src/kube/raw-object.ts";
import type { ServiceModel } from "../../src/resource/service.ts";
import { ControllerRig } from "./harness/controller-rig.ts";
import { metadata, rawService } from "./harness/raw-objects.ts";

const ECHO = "echo.shop:50051";

function annotated(name: string, annotations: Readonly<Record<string, string>>): RawObject {
  return rawService(name, {}, { annotations });
}

function of(rig: ControllerRig, name = ECHO): ServiceModel {
  const service = rig.services.get(name);
  assert.ok(service, `there is no ${name}, only ${[...rig.services.keys()].join(", ")}`);
  return service;
}

describe("a Service in several clusters", () => {
  it("is global where it or its namespace says so, its own word first", async () => {
    const rig = new ControllerRig();
    const space = { metadata: metadata("shop", { annotations: { "isobar.dev/global": "true" } }) };
    delete (space.metadata as { namespace?: string }).namespace;
    await rig.write("services", annotated("echo", {}), annotated("own", { "isobar.dev/global": "false" }));
    assert.equal(of(rig).global, undefined);
    await rig.write("namespaces", space);
    assert.equal(of(rig).global, true);
    assert.equal(of(rig, "own.shop:50051").global, undefined);
    await rig.write("services", annotated("odd", { "isobar.dev/global": "maybe" }));
    assert.match(
      rig.said.get("Service odd")?.problems[0]?.text ?? "",
      /found "maybe", wanted "true" or "false"/,
    );
  });

  it("counts alone where only global ones do", async () => {
    const rig = new ControllerRig({ onlyGlobal: true });
    await rig.write("services", annotated("echo", { "isobar.dev/global": "true" }), annotated("other", {}));
    assert.deepEqual([...rig.services.keys()], [ECHO]);
    await rig.write("services", annotated("echo", {}));
    assert.deepEqual([...rig.services.keys()], []);
  });

  it("is global by default where all are to be, but for what each cluster has for itself and who says otherwise", async () => {
    const rig = new ControllerRig({ globalByDefault: true });
    await rig.write(
      "services",
      annotated("echo", {}),
      annotated("own", { "isobar.dev/global": "false" }),
      rawService("kubernetes", {}, { namespace: "default" }),
      rawService("dns", {}, { namespace: "kube-system" }),
    );
    assert.equal(of(rig).global, true);
    for (const name of ["own.shop", "kubernetes.default", "dns.kube-system"])
      assert.equal(of(rig, `${name}:50051`).global, undefined, name);
  });
});
