import assert from "node:assert/strict";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { Child } from "../clients/harness/child.ts";
import { go } from "../clients/harness/go.ts";
import { until } from "../e2e/harness/until.ts";
import { TestAuthority } from "../support/test-authority.ts";
import { BoxLoad } from "./harness/box-load.ts";
import type { BoxPod } from "./harness/box-pod.ts";
import { captured } from "./harness/box-shop.ts";
import type { KubeletPod } from "./harness/kubelet-pod.ts";
import { LAUNCHER } from "./harness/logged-program.ts";
import { boxSuite } from "./harness/missing-for-box.ts";
import type { ContainerSpec, PodObject } from "./harness/pod-template.ts";
import { ShippedCluster } from "./harness/shipped-cluster.ts";

/** Of three endpoints: all calls at one, as without Isobar; or spread. */
const [ALL_AT_ONE, SPREAD] = [3, 2.2];
const LIMIT_MS = 40_000;
/** What is promised of switching off. */
const OFF_MS = 5_000;
/** The kernel's number of CAP_NET_ADMIN is 12. */
const [NOTHING, NET_ADMIN] = ["0000000000000000", "0000000000001000"];

const TOOLS = ["kubectl", "setpriv", "unshare", "strip", "dpkg-query"] as const;

describe("the manifests, as they are shipped", boxSuite([go], TOOLS), () => {
  let cluster: ShippedCluster;
  let client: BoxPod;
  let traces: readonly string[] = [];

  before(async () => {
    cluster = await ShippedCluster.open();
    client = await cluster.shop.box.pod("shop", "client");
    traces = await cluster.traces();
  });
  // Each begins where the one before it has ended.
  let isBroken = false;
  beforeEach(() => assert.ok(!isBroken, "a test before this one has failed"));
  afterEach((context) => {
    isBroken ||= "passed" in context && !context.passed;
  });
  after(() => cluster?.[Symbol.asyncDispose]());

  function becomes(isWanted: (skew: number) => boolean, what: string): Promise<number> {
    return until(
      `calls are ${what}`,
      async () => isWanted((await cluster.shop.skews(["go"], 500))["go"]!),
      () => cluster.trouble(),
      LIMIT_MS,
    );
  }

  function allReady(): Promise<number> {
    return until(
      "two control planes and the node's proxy are ready",
      () => {
        const { controllers } = cluster;
        const pods = [...controllers.of("isobar-control-plane"), ...controllers.of("isobar")];
        return pods.length === 3 && pods.every(({ isReady }) => isReady);
      },
      () => cluster.trouble(),
      LIMIT_MS,
    );
  }

  /** @returns init containers that a Pod of the shop has. */
  async function injectedInto(name: string): Promise<readonly ContainerSpec[]> {
    const metadata = { namespace: "shop", name };
    const object = await cluster.shop.box.writer.get({ apiVersion: "v1", kind: "Pod", metadata });
    return (object as PodObject).spec.initContainers ?? [];
  }

  async function isBack(): Promise<void> {
    await allReady();
    await captured(cluster.node, client);
    const load = await startLoad();
    assert.deepEqual((await load.finish()).failed, []);
  }

  /** Takes an overlay out. @param tell what its containers have needed. */
  async function leavesNothing(overlay: string, tell: (text: string) => void = () => {}): Promise<void> {
    const { pods } = cluster.controllers;
    await cluster.kubectl(`delete --ignore-not-found -f ${cluster.manifests(overlay)}`);
    await until(
      "all Pods have ended",
      () => pods.every(({ hasEnded }) => hasEnded),
      () => cluster.trouble(),
    );
    for (const pod of pods)
      assert.deepEqual([...new Set(pod.exitCodes.values())], [0], JSON.stringify(cluster.trouble()));
    for (const { name, containers } of pods) {
      for (const [container, { memoryUse }] of containers) {
        tell(`${name} ${container}: ${memoryUse?.mostMib} MiB at most`);
        assert.equal(memoryUse?.kills ?? 0, 0, `${name} ${container}`);
      }
    }
    let now: readonly string[] = [];
    await until(
      "nothing is left, and nothing is missing",
      async () => {
        now = await cluster.traces();
        return now.join("\n") === traces.join("\n");
      },
      () => ({
        gone: traces.filter((line) => !now.includes(line)),
        left: now.filter((line) => !traces.includes(line)),
      }),
      20_000,
    );
  }

  async function startLoad(): Promise<BoxLoad> {
    const load = new BoxLoad(client, go, "go", cluster.shop.echo);
    await becomes((skew) => skew <= SPREAD, "spread");
    return load;
  }

  it("are applied, and their Pods run and become ready by their own probes", async (context) => {
    await cluster.kubectl(`apply -f ${cluster.manifests("default")}`);
    const tookMs = await allReady();
    context.diagnostic(`${Math.round(tookMs)} ms after they were applied`);
    for (const kind of ["deployment/isobar-control-plane", "daemonset/isobar"])
      await cluster.kubectl(`-n isobar-system rollout status ${kind} --timeout=30s`);
    for (const pod of cluster.controllers.pods) {
      for (const container of pod.containers.keys())
        assert.equal(await pod.probe(container, "livenessProbe"), "", `${pod.name} ${container}`);
    }
  });

  it("give their programs the rights that they say, and no other", () => {
    const rights = (pod: KubeletPod, name: string) => pod.containers.get(name)!.rights();
    const nobody = { uids: "65532 65532 65532 65532", groups: "65532", noNewPrivileges: "1" };
    const none = { ...nobody, effective: NOTHING, bounding: NOTHING };
    const { proxyPod } = cluster;
    assert.deepEqual(rights(proxyPod, "proxy"), none);
    for (const pod of cluster.controllers.of("isobar-control-plane"))
      assert.deepEqual(rights(pod, "control-plane"), none);
    assert.deepEqual(rights(proxyPod, "capture"), {
      uids: "0 0 0 0",
      groups: "0 65532",
      effective: NET_ADMIN,
      bounding: NET_ADMIN,
      noNewPrivileges: "1",
    });
  });

  it("once a namespace opts in, its calls are spread, and status sees them", async () => {
    await cluster.kubectl("annotate namespace shop isobar.dev/mode=transparent");
    await captured(cluster.node, client);
    const load = await startLoad();
    const env = { ...process.env, ISOBAR_ADMIN_ADDRESS: "", KUBECONFIG: cluster.kubeConfig, NO_COLOR: "1" };
    const isobar = { command: process.execPath, args: [LAUNCHER], env };
    const { code, stdout, stderr } = await new Child(isobar, ["status", "-n", "shop"]).waitForEnd(LIMIT_MS);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^node-1 .* yes +on +/m, stderr);
    assert.match(stdout, /^shop +transparent +4 of 4 /m, stderr);
    assert.deepEqual((await load.finish()).failed, []);
  });

  it("a Pod of that namespace gets the container that waits, which ends when the Pod is captured", async (context) => {
    const pod = await cluster.shop.box.pod("shop", "late");
    const injected = await injectedInto("late");
    assert.deepEqual(
      injected.map(({ name }) => name),
      ["isobar-wait"],
    );
    const ended = await cluster.runWait(pod, injected[0]!);
    context.diagnostic(ended);
    assert.match(ended, /^0 .*captured after/s);
    await cluster.node.removePod(pod);
  });

  it("the node's metrics are at the address that the Service names, and the audit is written in its volume", async (context) => {
    const { namespace, addresses } = cluster.node.network;
    const script = `fetch("http://${addresses[0]}:15020/metrics").then(async (answer) => process.stdout.write(await answer.text()))`;
    const metrics = namespace.run(process.execPath, ["-e", script]);
    assert.match(metrics, /^isobar_/m);
    const [, limit] = /^isobar_overload_memory_bytes\{kind="limit"\} (\S+)$/m.exec(metrics) ?? [];
    if (cluster.proxyPod.containers.get("proxy")!.isLimited) assert.equal(limit, String(512 * 2 ** 20));
    else context.diagnostic("without limits of memory: this machine lets nobody make control groups");
    for (const pod of cluster.controllers.of("isobar-control-plane"))
      assert.notDeepEqual(readdirSync(pod.volume("audit")), [], pod.name);
  });

  it("a rollout begins the node's next generation beside the last one, and no call fails", async (context) => {
    const load = await startLoad();
    const before = cluster.proxyPod;
    const startMs = performance.now();
    await cluster.kubectl("-n isobar-system rollout restart daemonset/isobar");
    await until(
      "the next generation has taken over",
      () => cluster.node.captureState()?.current === cluster.proxyPod.object.metadata.uid && before.isLeaving,
      () => cluster.trouble(),
      LIMIT_MS,
    );
    context.diagnostic(`the next generation was current after ${Math.round(performance.now() - startMs)} ms`);
    assert.notEqual(cluster.proxyPod, before);
    assert.equal(cluster.proxyPod.isReady, true);
    assert.deepEqual((await load.finish()).failed, []);
    await until(
      "the last one has ended",
      () => before.hasEnded,
      () => cluster.trouble(),
    );
    assert.deepEqual([...before.exitCodes.values()], [0, 0]);
    // Capture is replaced, too: what the one before has left holds until the next one has heard of the proxy.
    const capture = cluster.proxyPod.containers.get("capture")!;
    await until(
      "the next capture keeps the table",
      () => capture.lines.some((line) => line.includes("keeping the table")),
      () => cluster.trouble(),
    );
    const closed = capture.lines.filter((line) => line.includes("an endpoint of canary.isobar"));
    assert.deepEqual(closed, []);
  });

  it("a label takes the node off within five seconds without the control plane, and no call fails", async (context) => {
    const load = await startLoad();
    const { proxyPod: pod, controllers } = cluster;
    for (const each of controllers.of("isobar-control-plane"))
      each.containers.get("control-plane")!.signal("SIGSTOP");
    const labelledMs = performance.now();
    await cluster.kubectl("label node node-1 isobar.dev/off=true");
    await until(
      "new connections go past the proxy",
      () => cluster.node.captureState()?.open === false,
      () => cluster.trouble(),
    );
    const openMs = Math.round(performance.now() - labelledMs);
    await becomes((skew) => skew === ALL_AT_ONE, "at one endpoint");
    const movedMs = Math.round(performance.now() - labelledMs);
    context.diagnostic(
      `new connections past the proxy after ${openMs} ms, open channels moved by ${movedMs} ms (looked at for 500 ms each)`,
    );
    assert.ok(openMs <= OFF_MS && movedMs <= OFF_MS, `${openMs} and ${movedMs} ms`);
    assert.deepEqual((await load.finish()).failed, []);
    await until(
      "the node's Pod has ended",
      () => pod.hasEnded,
      () => cluster.trouble(),
    );
    assert.deepEqual([...pod.exitCodes.values()], [0, 0]);
    assert.deepEqual(cluster.node.leftovers(), []);
    for (const each of controllers.of("isobar-control-plane"))
      each.containers.get("control-plane")!.signal("SIGCONT");
  });

  it("and without the label its calls are spread again", async () => {
    await cluster.kubectl("label node node-1 isobar.dev/off-");
    await isBack();
  });

  it("what `isobar off` does to the whole cluster is done by kubectl as its help says, and undone", async () => {
    const { proxyPod: pod } = cluster;
    const patch = (value: string) =>
      `-n isobar-system patch daemonset isobar -p {"spec":{"template":{"spec":{"nodeSelector":{"isobar.dev/off":${value}}}}}}`;
    await cluster.kubectl(patch('"true"'));
    await until(
      "the node's Pod has ended",
      () => pod.hasEnded,
      () => cluster.trouble(),
    );
    assert.deepEqual(cluster.node.leftovers(), []);
    await cluster.kubectl(patch("null"));
    await isBack();
  });

  it("once they are deleted, cluster and node are as before", async (context) => {
    await leavesNothing("default", (text) => context.diagnostic(text));
    // As the page says: the folder stays until the node starts again.
    assert.ok(existsSync(join(cluster.node.runDir)) && statSync(cluster.node.runDir).isDirectory());
  });

  it("with a certificate of others they run as well, and leave nothing", async () => {
    const overlay = "own-certificates";
    const service = "isobar-control-plane";
    const authority = new TestAuthority();
    const names = [service, `${service}-peers`].map((name) => `DNS:${name}.isobar-system.svc`);
    const { certFile, keyFile } = authority.issue({ subjectAltNames: names });
    await cluster.kubectl(`apply -f ${cluster.manifests(overlay)}`);
    const files = `--from-file=tls.crt=${certFile} --from-file=tls.key=${keyFile} --from-file=ca.crt=${authority.caFile}`;
    // As cert-manager and its injector would.
    await cluster.kubectl(`-n isobar-system create secret generic ${service}-tls ${files}`);
    const caBundle = Buffer.from(authority.ca).toString("base64");
    const patch = [{ op: "add", path: "/webhooks/0/clientConfig/caBundle", value: caBundle }];
    await cluster.kubectl(
      `patch mutatingwebhookconfiguration zz-isobar --type=json -p ${JSON.stringify(patch)}`,
    );
    await isBack();
    const pod = await cluster.shop.box.pod("shop", "later");
    assert.equal((await injectedInto("later"))[0]?.name, "isobar-wait");
    await cluster.node.removePod(pod);
    await leavesNothing(overlay);
  });
});
