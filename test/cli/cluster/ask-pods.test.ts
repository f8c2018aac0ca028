import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { parseAllDocuments } from "yaml";
import type { AuditView } from "../../../src/audit/audit-view.ts";
import { knownServices } from "../../../src/cli/assess/known-services.ts";
import type { NodesView } from "../../../src/cli/explain/explain-nodes.ts";
import { AuditRig, response, stream } from "../../audit/audit-fixture.ts";
import { Child } from "../../clients/harness/child.ts";
import { REPOSITORY } from "../../clients/harness/paths.ts";
import { until } from "../../e2e/harness/until.ts";
import { ApiServer } from "../../kube/harness/api-server.ts";
import { missingKubelab } from "../../kube/harness/build-kubelab.ts";
import type { Manifest } from "../../kube/harness/kube-writer.ts";
import { missingOpenssl } from "../../support/test-authority.ts";
import { service } from "../../xds/service-builder.ts";
import { ExecDoor } from "../harness/exec-door.ts";
import { SmallFleet } from "../harness/small-fleet.ts";

const { CI = "" } = process.env;
const LIMIT_MS = 30_000;
const SYSTEM = "isobar-system";
const CALLS = 20;
const missing = missingKubelab() ?? missingOpenssl();
if (missing !== undefined && CI !== "") throw new Error(missing);

async function isobar(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const launcher = `${REPOSITORY}/src/cli/launch.mjs`;
  // Nothing of the machine's own may answer.
  const env = { ISOBAR_ADMIN_ADDRESS: "", KUBECONFIG: "/nowhere" };
  return new Child({ command: process.execPath, args: [launcher], env }, args).waitForEnd(LIMIT_MS);
}

describe("explain and audit with the rights of a kubeconfig", {
  skip: missing ?? false,
  timeout: 300_000,
}, () => {
  let api: ApiServer;
  let door: ExecDoor;
  let admin: string;
  let owner: string;
  let fleets: readonly SmallFleet[] = [];
  let audits: readonly AuditRig[] = [];
  let beginMs = 0;

  before(async () => {
    const explain = { sample: 1 };
    const ledger = [{ name: "ledger.bank:50051", endpoints: [{ address: "127.0.0.1:9" }] }];
    fleets = [
      await SmallFleet.start("n1", { explain }),
      await SmallFleet.start("n2", { explain, clusters: ledger }),
    ];
    for (let call = 0; call < CALLS; call++) assert.equal(await fleets[0]!.call(), "0");
    // Once the proxies run, however long that took: what is noted lies in the time of the audit's files.
    beginMs = Date.now() + 1_000;
    audits = [await AuditRig.start({ replica: "cp-0" }), await AuditRig.start({ replica: "cp-1" })];
    for (const rig of audits) {
      rig.note({ kind: "service", model: service("echo.shop:50051", 2) }, beginMs);
      rig.trail.synced();
      await rig.written();
    }
    for (const [i, rig] of audits.entries()) {
      const told = response({ "echo.shop:50051": `v${i}` });
      rig.note({ kind: "opened", stream: stream(1, `n${i + 1}`) }, beginMs + 1_000);
      rig.note({ kind: "pushed", stream: 1, part: "endpoints", response: told }, beginMs + 1_000);
      rig.note({ kind: "answered", stream: 1, response: told, message: undefined }, beginMs + 1_100);
      await rig.written();
    }
    api = await ApiServer.start();
    door = await ExecDoor.start(api.port);
    admin = door.kubeConfig("admin", "admin");
    for (const name of [SYSTEM, "shop", "bank"])
      await api.writer.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
    for (const [i, fleet] of fleets.entries()) {
      await pod(api, `isobar-${i}`, "proxy", `n${i + 1}`, []);
      door.admins.set(`${SYSTEM}/isobar-${i}`, fleet.admin);
    }
    for (const [i, { folder }] of audits.entries()) {
      await pod(api, `cp-${i}`, "control-plane", "n1", ["control-plane", `--audit-dir=${folder}`]);
      door.admins.set(`${SYSTEM}/cp-${i}`, "127.0.0.1:1");
    }
    owner = await ownerOf(api, door, "shop");
    await shopService(api);
  });
  after(async () => {
    door?.close();
    await api?.close();
    for (const fleet of fleets) await fleet[Symbol.asyncDispose]();
    for (const rig of audits) await rig.close();
  });

  it("explain --last shows a namespace's last picks, of all nodes and of no other namespace", async () => {
    const { code, stdout, stderr } = await isobar("explain", "-n", "shop", "--kubeconfig", admin, "--last");
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^2 of 2 nodes, 2 record picks\n/);
    assert.match(stdout, new RegExp(`^echo\\.shop:50051 +least_request +1 +3 +${CALLS}$`, "m"));
    assert.equal(
      stdout.match(/^ {2}n1 \S+Z .*echo\.shop:50051 -> 127\.0\.0\.1:\d+ of 3 in tier zone/gm)?.length,
      10,
    );
    assert.doesNotMatch(stdout, /bank/);
  });

  it("explain of a service by its short name shows each node's tiers and all endpoints, for programs too", async () => {
    const { code, stdout, stderr } = await isobar(
      "explain",
      "-n",
      "shop",
      "echo",
      "--kubeconfig",
      admin,
      "--last=3",
    );
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^service echo\.shop:50051 on 1 nodes$/m);
    assert.match(stdout, /^n1 +least_request +in_flight +[0-9a-f]{16} +zone 100 % of 3$/m);
    assert.equal(stdout.match(/^127\.0\.0\.1:\d+ +a +1 of 1 +0 +\d+ +0 +\d+ of \d+$/gm)?.length, 3);
    const json = await isobar(
      "explain",
      "shop/echo:50051",
      "--context",
      "admin",
      "--kubeconfig",
      admin,
      "-o",
      "json",
    );
    const view = JSON.parse(json.stdout) as NodesView;
    assert.deepEqual(
      view.services.map(({ name, nodes }) => [name, nodes.map(({ node }) => node)]),
      [["echo.shop:50051", ["n1"]]],
    );
    assert.equal(view.picks.length, 10);
  });

  it("explain names what there is where a service or node is not, with 64", async () => {
    const service = await isobar("explain", "-n", "shop", "ledger", "--kubeconfig", admin);
    assert.equal(service.code, 64, service.stdout);
    assert.match(
      service.stderr,
      /"ledger", which no proxy knows in namespace shop; wanted one of echo\.shop:50051$/m,
    );
    const node = await isobar("explain", "--node", "n9", "--kubeconfig", admin);
    assert.equal(node.code, 64, node.stdout);
    assert.match(node.stderr, /--node: found "n9", wanted one with a proxy: n1, n2/);
  });

  it("explain tells an owner who may not reach Isobar's Pods what Kubernetes has, of the own namespace alone", async () => {
    const { code, stdout, stderr } = await isobar("explain", "-n", "shop", "--kubeconfig", owner);
    assert.equal(code, 0, stderr);
    assert.match(
      stdout,
      /^service echo\.shop, whose connections are left alone: Headless: it has no address$/m,
    );
    assert.match(stdout, /^10\.0\.0\.1 +ready +a +n1 +echo-1$/m);
    assert.match(stdout, /not shown, because it may not be listed: v1\/namespaces\/isobar-system\/pods/);
    assert.match(stdout, /x-isobar-explain/);
    const other = await isobar("explain", "-n", "bank", "--kubeconfig", owner);
    assert.equal(other.code, 69, other.stdout);
    assert.match(other.stderr, /not be listed: v1\/namespaces\/bank\/services/);
  });

  it("assess --observe knows a Service by its endpoints' addresses, by the same rights", async () => {
    const { byAddress, notes } = await knownServices({ kubeconfig: owner, namespace: "shop" });
    assert.deepEqual(notes, []);
    const { name, endpoints } = byAddress.get("10.0.0.1:50051")!;
    assert.deepEqual([name, endpoints], ["shop/echo", ["10.0.0.1:50051"]]);
  });

  it("audit at, diff and log are answered by the replicas' Pods together", async () => {
    const [at, later] = [iso(beginMs + 1_500), iso(beginMs + 5_000)];
    const of = ["--service", "shop/echo", "--kubeconfig", admin];
    const all = await isobar("audit", "at", later, ...of, "-o", "json");
    assert.equal(all.code, 0, all.stderr);
    const view = JSON.parse(all.stdout) as AuditView;
    const seen = view.services[0]!.clients.map(({ node, replica }) => `${node} ${replica}`);
    assert.deepEqual(seen.sort(), ["n1 cp-0", "n2 cp-1"]);
    const one = await isobar("audit", "at", later, "--node", "n2", ...of);
    assert.match(one.stdout, /node n2 was connected to cp-1, of 2 replicas/);
    const diff = await isobar("audit", "diff", at, later, "--node", "n2", ...of);
    assert.equal(diff.code, 0, diff.stderr);
    assert.match(diff.stdout, /echo\.shop:50051/);
    const log = await isobar("audit", "log", ...of);
    assert.deepEqual(log.stdout.match(/cp-\d/g)?.sort(), ["cp-0", "cp-1"], log.stdout);
    assert.ok(
      door.commands.some((command) => command.startsWith(`${SYSTEM}/cp-1/control-plane: isobar audit log`)),
    );
  });

  it("audit says why it cannot be read: rights, folders, words", async () => {
    const rights = await isobar("audit", "log", "--kubeconfig", owner);
    assert.equal(rights.code, 69, rights.stdout);
    assert.match(rights.stderr, /not be listed: v1\/namespaces\/isobar-system\/pods/);
    const both = await isobar("audit", "log", "--kubeconfig", admin, "--dir", "/tmp");
    assert.equal(both.code, 64, both.stdout);
    assert.match(both.stderr, /--dir: found it with --kubeconfig/);
    const early = await isobar("audit", "at", "2020-01-01", "--kubeconfig", admin);
    assert.equal(early.code, 64, early.stdout);
    assert.match(early.stderr, /before the audit begins/);
  });
});

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

async function pod(
  { writer }: ApiServer,
  name: string,
  container: string,
  nodeName: string,
  args: readonly string[],
): Promise<void> {
  const labels = { "app.kubernetes.io/name": "isobar", "app.kubernetes.io/component": container };
  const object = { apiVersion: "v1", kind: "Pod", metadata: { namespace: SYSTEM, name, labels } };
  await writer.create({ ...object, spec: { nodeName, containers: [{ name: container, image: "i", args }] } });
  await writer.applyStatus({
    ...object,
    status: { phase: "Running", conditions: [{ type: "Ready", status: "True" }] },
  });
}

/** @returns a kubeconfig of somebody who has the role `isobar-viewer` in the namespace, once it holds. */
async function ownerOf({ writer }: ApiServer, door: ExecDoor, namespace: string): Promise<string> {
  await writer.apply({ apiVersion: "v1", kind: "ServiceAccount", metadata: { namespace, name: "owner" } });
  const answer = await writer.send("POST", `/api/v1/namespaces/${namespace}/serviceaccounts/owner/token`, {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenRequest",
    metadata: {},
    spec: { expirationSeconds: 3_600 },
  });
  const roles = parseAllDocuments(readFileSync(join(REPOSITORY, "deploy/rbac/people.yaml"), "utf8"));
  const viewer = roles
    .map((each) => each.toJS() as Manifest)
    .find(({ metadata }) => metadata.name === "isobar-viewer");
  await writer.apply(viewer!);
  await writer.apply({
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "RoleBinding",
    metadata: { namespace, name: "owner" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "isobar-viewer" },
    subjects: [{ kind: "ServiceAccount", namespace, name: "owner" }],
  });
  const file = door.kubeConfig("owner", (answer as unknown as { status: { token: string } }).status.token);
  // The API server takes up bindings a moment later.
  await until(
    "the owner may read the namespace",
    async () => (await isobar("explain", "-n", namespace, "--kubeconfig", file)).code === 0,
    () => file,
    LIMIT_MS,
  );
  return file;
}

async function shopService({ writer }: ApiServer): Promise<void> {
  const object = { apiVersion: "v1", kind: "Service", metadata: { namespace: "shop", name: "echo" } };
  await writer.apply({ ...object, spec: { ports: [{ port: 50_051 }] } });
  const condition = {
    type: "isobar.dev/Captured",
    status: "False",
    reason: "Headless",
    message: "it has no address",
  };
  await writer.applyStatus({
    ...object,
    status: { conditions: [{ ...condition, lastTransitionTime: "2026-11-23T00:00:00Z" }] },
  });
  await writer.apply({
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { namespace: "shop", name: "echo-1", labels: { "kubernetes.io/service-name": "echo" } },
    addressType: "IPv4",
    ports: [{ port: 50_051 }],
    endpoints: [
      { addresses: ["10.0.0.1"], zone: "a", nodeName: "n1", targetRef: { kind: "Pod", name: "echo-1" } },
    ],
  } as unknown as Manifest);
}
