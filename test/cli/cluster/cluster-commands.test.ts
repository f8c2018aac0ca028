import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { parseAllDocuments } from "yaml";
import type { NodeStatus } from "../../../src/admin/node-status.ts";
import { Child } from "../../clients/harness/child.ts";
import { REPOSITORY } from "../../clients/harness/paths.ts";
import { ApiServer } from "../../kube/harness/api-server.ts";
import { missingKubelab } from "../../kube/harness/build-kubelab.ts";
import type { Manifest } from "../../kube/harness/kube-writer.ts";
import { missingOpenssl } from "../../support/test-authority.ts";
import { ExecDoor } from "../harness/exec-door.ts";
import { SmallFleet } from "../harness/small-fleet.ts";

const { CI = "" } = process.env;
const LIMIT_MS = 30_000;
const SYSTEM = "isobar-system";
const missing = missingKubelab() ?? missingOpenssl();
if (missing !== undefined && CI !== "") throw new Error(missing);

async function isobar(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const launcher = `${REPOSITORY}/src/cli/launch.mjs`;
  // Nothing of the machine's own may answer.
  const env = { ISOBAR_ADMIN_ADDRESS: "", KUBECONFIG: "/nowhere" };
  return new Child({ command: process.execPath, args: [launcher], env }, args).waitForEnd(LIMIT_MS);
}

describe("commands that look at a cluster", { skip: missing ?? false, timeout: 300_000 }, () => {
  let api: ApiServer;
  let door: ExecDoor;
  let fleet: SmallFleet;
  let admin: string;

  before(async () => {
    fleet = await SmallFleet.start("n1");
    api = await ApiServer.start();
    door = await ExecDoor.start(api.port);
    admin = door.kubeConfig("admin", "admin");
    const { writer } = api;
    for (const [name, annotations] of [
      [SYSTEM, {}],
      ["shop", { "isobar.dev/mode": "transparent", "isobar.dev/percent": "25" }],
      ["bank", { "isobar.dev/mode": "address" }],
    ] as const)
      await writer.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name, annotations } });
    await writer.create({
      apiVersion: "v1",
      kind: "Node",
      metadata: { name: "n1" },
      spec: { podCIDRs: ["240.18.4.0/24"] },
    });
    await writer.applyStatus({
      apiVersion: "v1",
      kind: "Node",
      metadata: { name: "n1" },
      status: { nodeInfo: nodeInfo("4.19.0-26") },
    });
    for (const name of ["isobar-a", "isobar-b"]) {
      await writer.create({
        apiVersion: "v1",
        kind: "Pod",
        metadata: {
          namespace: SYSTEM,
          name,
          labels: { "app.kubernetes.io/name": "isobar", "app.kubernetes.io/component": "proxy" },
        },
        spec: { nodeName: name === "isobar-a" ? "n1" : "n2", containers: [{ name: "proxy", image: "i" }] },
      });
      await writer.applyStatus({
        apiVersion: "v1",
        kind: "Pod",
        metadata: { namespace: SYSTEM, name },
        status: { phase: "Running", conditions: [{ type: "Ready", status: "True" }] },
      });
    }
    door.admins.set(`${SYSTEM}/isobar-a`, fleet.admin);
  });
  after(async () => {
    door?.close();
    await api?.close();
    await fleet?.[Symbol.asyncDispose]();
  });

  it("status asks proxies by exec, and says of those that do not let themselves be asked", async () => {
    const { code, stdout, stderr } = await isobar("status", "--kubeconfig", admin);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^n1 +0\.\d+\.\d+ +yes/m);
    assert.match(
      stdout,
      /^n2 does not answer: isobar-system\/isobar-b \(container proxy\) cannot be asked: the API server refused it/m,
    );
    assert.match(stdout, /^shop +transparent 25 % /m);
    assert.match(stdout, /^bank +address /m);
    assert.ok(door.commands.includes(`${SYSTEM}/isobar-a/proxy: isobar ask /status`), door.commands.join());
  });

  it("status of one namespace, for programs", async () => {
    const { stdout } = await isobar("status", "--kubeconfig", admin, "-n", "shop", "-o", "json");
    const view = JSON.parse(stdout) as {
      namespaces: { name: string; mode: string; percent: number }[];
      nodes: { name: string; value?: NodeStatus }[];
    };
    assert.deepEqual(
      view.namespaces.map(({ name, mode, percent }) => ({ name, mode, percent })),
      [{ name: "shop", mode: "transparent", percent: 25 }],
    );
    const [service] = view.nodes[0]!.value!.services;
    assert.equal(service!.name, "echo.shop:50051");
    assert.equal(service!.endpoints.length, 3);
  });

  it("names what the rights do not reach, and shows the rest", async () => {
    await api.writer.apply({
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: { namespace: "shop", name: "owner" },
    });
    const path = "/api/v1/namespaces/shop/serviceaccounts/owner/token";
    const answer = await api.writer.send("POST", path, {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      metadata: {},
      spec: { expirationSeconds: 3_600 },
    });
    const { token } = (answer as unknown as { status: { token: string } }).status;
    const owner = door.kubeConfig("owner", token);
    const { code, stdout } = await isobar("status", "--kubeconfig", owner, "-n", "shop");
    assert.equal(code, 0);
    assert.match(stdout, /not shown, because it may not be listed: v1\/namespaces\/isobar-system\/pods/);
    assert.match(stdout, /not shown, because it may not be read: v1\/namespaces\/shop\n/);
    const looked = await isobar("doctor", "--preflight", "--kubeconfig", owner, "-n", "shop");
    for (const check of ["addresses", "mesh", "Pods"])
      assert.doesNotMatch(looked.stdout, new RegExp(`^✓ ${check}`, "m"), "nobody could look at it");
    assert.match(looked.stdout, /^! rights: not shown, because it may not be listed: v1\/services$/m);
    await api.writer.apply(roleOf("isobar-viewer"));
    await api.writer.apply({
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "RoleBinding",
      metadata: { namespace: "shop", name: "owner" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "isobar-viewer" },
      subjects: [{ kind: "ServiceAccount", namespace: "shop", name: "owner" }],
    });
    const shown = (): Promise<string> =>
      isobar("status", "--kubeconfig", owner, "-n", "shop").then((end) => end.stdout);
    let text = await shown();
    // The API server takes up bindings a moment later.
    for (let tries = 0; tries < 5 && /v1\/namespaces\/shop/.test(text); tries++) text = await shown();
    assert.match(text, /^shop +transparent 25 % /m);
    assert.doesNotMatch(text, /not shown.*shop/);
  });

  it("doctor says what is bad and what to do, and ends with 1", async () => {
    const { code, stdout } = await isobar("doctor", "--kubeconfig", admin);
    assert.equal(code, 1);
    assert.match(stdout, /^✗ control plane: no Pod is there\n {4}→ /m);
    assert.match(stdout, /^✗ proxies: not asked: .* \(n2\)\n {4}→ /m);
    assert.match(stdout, /^✓ versions: all nodes run /m);
    assert.match(
      stdout,
      /^! looked at: 1 of 2 proxies, Isobar's Pods, namespaces' annotations, Services' conditions, as last written; not the control plane itself: /m,
    );
  });

  it("doctor ends with 69 where nobody answers, and says what it could not look at", async () => {
    const nobody = await isobar("doctor", "--admin", `unix:${fleet.folder}/nobody.sock`);
    assert.equal(nobody.code, 69, nobody.stderr);
    assert.match(nobody.stdout, /^✗ proxies: not asked: .*nobody\.sock.*\n {4}→ /m);
    const gone = `${fleet.folder}/gone.yaml`;
    writeFileSync(
      gone,
      readFileSync(admin, "utf8").replace(/https:..127\.0\.0\.1:\d+/, "https://127.0.0.1:1"),
    );
    const { code, stdout, stderr } = await isobar("doctor", "--kubeconfig", gone, "-o", "json");
    assert.equal(code, 69, stderr);
    const { findings } = JSON.parse(stdout) as {
      findings: { level: string; check: string; found: string }[];
    };
    assert.deepEqual(
      findings.map(({ level, check }) => `${level} ${check}`),
      ["bad API server"],
    );
    assert.match(findings[0]!.found, /cannot be asked: .*; nothing was looked at/);
  });

  it("doctor ends with 0 where nothing is bad", async () => {
    const { code, stdout, stderr } = await isobar("doctor", "--admin", fleet.admin);
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /^✓ versions/m);
  });

  it("doctor --preflight finds old kernels, addresses used twice, and policies, and tells what to do", async () => {
    const { code, stdout, stderr } = await isobar("doctor", "--preflight", "--kubeconfig", admin);
    assert.equal(code, 1, stderr);
    assert.match(stdout, /^✗ kernel: older than 5\.9 \(n1 4\.19\.0-26\)\n {4}→ use the modes address/m);
    assert.match(
      stdout,
      /^✗ addresses: are used twice \(Pods' 240\.18\.4\.0\/24 and our 240\.18\.0\.0\/16\)/m,
    );
    assert.match(stdout, /^✓ mesh/m);
  });

  it("top shows what services did between two looks, and ends when it has with --once", async () => {
    let isDone = false;
    const calls = (async () => {
      while (!isDone) {
        assert.equal(await fleet.call(), "0");
      }
    })();
    const { code, stdout, stderr } = await isobar(
      "top",
      "--kubeconfig",
      admin,
      "--once",
      "--every",
      "1",
      "-o",
      "json",
    );
    isDone = true;
    await calls;
    assert.equal(code, 0, stderr);
    const { nodes, services, namespaces } = JSON.parse(stdout) as {
      nodes: number;
      namespaces: { name: string; requestsToPerSecond: number; upstreamConnections: number }[];
      services: { name: string; requestsPerSecond: number; maxOverMean: number; errorRate: number }[];
    };
    assert.equal(nodes, 1);
    assert.equal(services[0]!.name, "echo.shop:50051");
    assert.ok(services[0]!.requestsPerSecond > 10, stdout);
    assert.ok(services[0]!.maxOverMean >= 1 && services[0]!.maxOverMean < 3, stdout);
    assert.equal(services[0]!.errorRate, 0);
    const shop = namespaces.find(({ name }) => name === "shop");
    assert.ok(Math.abs(shop!.requestsToPerSecond - services[0]!.requestsPerSecond) < 1e-6, stdout);
    assert.ok(shop!.upstreamConnections >= 1, stdout);
  });

  it("top prints a table where it is not on a terminal", async () => {
    const { stdout } = await isobar("top", "--admin", fleet.admin, "--once", "--every", "0.5");
    assert.match(stdout, /^1 of 1 nodes\n\nSERVICE +RPS +IN FLIGHT .*\necho\.shop:50051 /);
  });

  it("top has a row for each namespace with --by namespace", async () => {
    const args = ["--by", "namespace", "--once", "--every", "0.5"];
    const { code, stdout, stderr } = await isobar("top", "--admin", fleet.admin, ...args);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^1 of 1 nodes\n\nNAMESPACE +PODS +CHANNELS +RPS FROM .*\nshop +0 +0 /);
    const wrong = await isobar("top", "--by", "node");
    assert.equal(wrong.code, 64);
  });

  it("off refuses where clients dial the proxy, writes the annotation otherwise, and says the way back", async () => {
    const refused = await isobar("off", "-n", "bank", "--kubeconfig", admin);
    assert.equal(refused.code, 64);
    assert.match(refused.stderr, /nothing was changed: clients of bank \(address\) dial the proxy/);
    const { code, stdout, stderr } = await isobar(
      "off",
      "-n",
      "shop",
      "--kubeconfig",
      admin,
      "--admin",
      fleet.admin,
    );
    assert.equal(code, 0, stderr);
    assert.match(
      stdout,
      /^namespace shop annotated isobar\.dev\/mode=off\non kube-proxy's path on 1 nodes in \d\.\d s\n/,
    );
    assert.match(
      stdout,
      /^back: kubectl annotate namespace shop isobar\.dev\/mode=transparent --overwrite$/m,
    );
    const shop = await api.writer.get({ apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } });
    assert.equal((shop.metadata.annotations as Record<string, string>)["isobar.dev/mode"], "off");
  });

  it("off counts no node that could not be asked before", async () => {
    const { code, stdout } = await isobar("off", "-n", "shop", "--kubeconfig", admin, "--wait", "1");
    assert.equal(code, 1, stdout);
    assert.match(
      stdout,
      /^n2 cannot tell whether it has happened: .* cannot be asked: the API server refused it/m,
    );
    assert.match(stdout, /^not confirmed within 1 s by n2; see isobar status$/m);
    const one = await isobar("off", "--node", "n1", "--kubeconfig", admin, "--force", "--admin", fleet.admin);
    assert.equal(one.code, 0, one.stderr);
    assert.match(one.stdout, /^on kube-proxy's path on 1 nodes/m);
  });

  it("off of everything takes the DaemonSet from all nodes", async () => {
    const template = {
      metadata: { labels: { a: "b" } },
      spec: { containers: [{ name: "proxy", image: "i" }] },
    };
    const object = {
      apiVersion: "apps/v1",
      kind: "DaemonSet",
      metadata: { namespace: SYSTEM, name: "isobar" },
    };
    await api.writer.create({ ...object, spec: { selector: { matchLabels: { a: "b" } }, template } });
    const refused = await isobar("off", "--kubeconfig", admin, "--wait", "0");
    assert.equal(refused.code, 64, refused.stdout);
    const { code, stderr, stdout } = await isobar("off", "--force", "--kubeconfig", admin, "--wait", "0");
    assert.equal(code, 0, stderr);
    assert.match(stdout, /no node was asked whether it has happened/);
    const stored = (await api.writer.get(object)) as unknown as {
      spec: { template: { spec: { nodeSelector: object } } };
    };
    assert.deepEqual(stored.spec.template.spec.nodeSelector, { "isobar.dev/off": "true" });
  });
});

/** A role of the manifests for people. */
function roleOf(name: string): Manifest {
  const roles = parseAllDocuments(readFileSync(join(REPOSITORY, "deploy/rbac/people.yaml"), "utf8"));
  const found = roles.map((each) => each.toJS() as Manifest).find(({ metadata }) => metadata.name === name);
  assert.ok(found !== undefined, name);
  return found;
}

function nodeInfo(kernelVersion: string): object {
  const rest = ["machineID", "systemUUID", "bootID", "osImage", "containerRuntimeVersion", "kubeletVersion"];
  return {
    ...Object.fromEntries(rest.map((name) => [name, ""])),
    kubeProxyVersion: "",
    operatingSystem: "linux",
    architecture: "amd64",
    kernelVersion,
  };
}
