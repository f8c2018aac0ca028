import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { parseAllDocuments } from "yaml";
import { ApiServer } from "../kube/harness/api-server.ts";
import { missingKubelab } from "../kube/harness/build-kubelab.ts";
import type { Manifest } from "../kube/harness/kube-writer.ts";
import { nameOf } from "./harness/kube-objects.ts";
import { builtBy, kubectl, missingKubectl } from "./harness/kubectl.ts";

/** Overlays, and those of their objects that are not tried: the test's API server has no such kinds, and there are no definitions of them here. */
const OVERLAYS: Readonly<Record<string, readonly string[]>> = {
  "deploy/overlays/default": ["PodDisruptionBudget/isobar-system/isobar-control-plane"],
  "deploy/overlays/no-webhook": ["PodDisruptionBudget/isobar-system/isobar-control-plane"],
  "deploy/overlays/own-certificates": ["PodDisruptionBudget/isobar-system/isobar-control-plane"],
  "deploy/overlays/monitoring": [
    "PodDisruptionBudget/isobar-system/isobar-control-plane",
    "PrometheusRule/isobar-system/isobar",
    "ServiceMonitor/isobar-system/isobar-control-plane",
    "ServiceMonitor/isobar-system/isobar-proxy",
  ],
  "daemonset/overlays/kind": ["PodDisruptionBudget/isobar-system/isobar-control-plane"],
};
/** What the others need before they can be tried. */
const FIRST = ["Namespace", "CustomResourceDefinition"];
const DRY = ["apply", "--server-side", "--dry-run=server", "-f", "-"];

const { CI = "" } = process.env;
const missing = missingKubelab() ?? missingKubectl();
if (missing !== undefined && CI !== "") throw new Error(missing);

function objectsOf(yaml: string): readonly Manifest[] {
  return parseAllDocuments(yaml).map((document) => document.toJS() as Manifest);
}

function listOf(items: readonly Manifest[]): string {
  return JSON.stringify({ apiVersion: "v1", kind: "List", items });
}

describe("an API server takes every overlay", { skip: missing ?? false, timeout: 30 * 60_000 }, () => {
  let api: ApiServer;
  let served: ReadonlySet<string>;

  before(async () => {
    api = await ApiServer.start();
    const all = Object.keys(OVERLAYS).flatMap((overlay) => objectsOf(builtBy(overlay)));
    const first = new Map(
      all.filter(({ kind }) => FIRST.includes(kind)).map((object) => [nameOf(object), object]),
    );
    const made = kubectl(api.kubeConfig, ["apply", "--server-side", "-f", "-"], listOf([...first.values()]));
    assert.equal(made.code, 0, made.stderr);
    for (const { kind, metadata } of first.values()) {
      if (kind !== "CustomResourceDefinition") continue;
      const wait = ["wait", "--for=condition=Established", "--timeout=30s", `crd/${metadata.name}`];
      assert.equal(kubectl(api.kubeConfig, wait).code, 0, metadata.name);
    }
    const { stdout } = kubectl(api.kubeConfig, ["api-resources", "--no-headers", "--cached=false"]);
    served = new Set(stdout.split("\n").flatMap((line) => line.trim().split(/\s+/).slice(-1)));
    assert.ok(served.has("DaemonSet"), stdout);
  });
  after(() => api?.close());

  for (const [overlay, others] of Object.entries(OVERLAYS)) {
    it(`${overlay}, but for ${others.length} that it has no kinds for`, (context) => {
      const objects = objectsOf(builtBy(overlay));
      const tried = objects.filter(({ kind }) => served.has(kind));
      const notTried = objects.filter(({ kind }) => !served.has(kind)).map(nameOf);
      assert.deepEqual(notTried.sort(), others);
      const { code, stdout, stderr } = kubectl(api.kubeConfig, DRY, listOf(tried));
      assert.equal(code, 0, stderr);
      const lines = stdout.split("\n").filter((line) => line !== "");
      assert.equal(lines.length, tried.length, stdout);
      for (const line of lines) assert.match(line, /serverside-applied \(server dry run\)$/);
      context.diagnostic(`${tried.length} objects taken, ${others.length} not tried`);
    });
  }

  it("and takes none with a field that there is not, so that the above can fail", () => {
    const text = builtBy("deploy/overlays/default");
    const daemonSet = objectsOf(text).find(({ kind }) => kind === "DaemonSet")!;
    const misspelt = JSON.stringify(daemonSet).replace("hostNetwork", "hostNetwerk");
    const { code, stderr } = kubectl(api.kubeConfig, DRY, misspelt);
    assert.notEqual(code, 0);
    assert.match(stderr, /hostNetwerk/);
  });

  it("and nothing of it has stayed there", () => {
    const { stdout } = kubectl(api.kubeConfig, ["get", "daemonsets,deployments", "-A", "-o", "name"]);
    assert.equal(stdout, "");
  });
});
