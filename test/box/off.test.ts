import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Child } from "../clients/harness/child.ts";
import { go } from "../clients/harness/go.ts";
import { until } from "../e2e/harness/until.ts";
import { BoxLoad } from "./harness/box-load.ts";
import type { BoxNode } from "./harness/box-node.ts";
import type { BoxPod } from "./harness/box-pod.ts";
import { BoxShop, captured } from "./harness/box-shop.ts";
import { LAUNCHER } from "./harness/logged-program.ts";
import { boxSuite, buildPrograms } from "./harness/missing-for-box.ts";

/** Of three endpoints: all calls at one, as without Isobar; or spread. */
const [ALL_AT_ONE, SPREAD] = [3, 2.2];
/** What is promised. */
const OFF_MS = 5_000;

describe("off", boxSuite([go]), () => {
  let shop: BoxShop;
  let node: BoxNode;
  let pod: BoxPod;

  before(async () => {
    await buildPrograms([go]);
    shop = await BoxShop.open();
    node = shop.box.nodes[0]!;
    pod = await shop.box.pod("shop", "client");
    await captured(node, pod);
  });
  after(() => shop?.[Symbol.asyncDispose]());

  async function startLoad(): Promise<BoxLoad> {
    const load = new BoxLoad(pod, go, "go", shop.echo);
    await becomes((skew) => skew <= SPREAD, "spread");
    return load;
  }

  function becomes(isWanted: (skew: number) => boolean, what: string): Promise<number> {
    return until(
      `calls are ${what}`,
      async () => isWanted((await shop.skews(["go"], 500))["go"]!),
      () => node.trouble(),
      20_000,
    );
  }

  it("of a namespace is on kube-proxy's path within five seconds, and no call fails", async (context) => {
    const load = await startLoad();
    const admin = `unix:${node.proxy.adminSocket}`;
    const { code, stdout, stderr } = await new Child({ command: process.execPath, args: [LAUNCHER] }, [
      ...["off", "-n", "shop", "-o", "json", "--kubeconfig", shop.box.api.kubeConfig, "--admin", admin],
    ]).waitForEnd(40_000);
    assert.equal(code, 0, stderr);
    const { tookMs, nodes } = JSON.parse(stdout) as { readonly tookMs: number; readonly nodes: number };
    assert.equal(nodes, 1);
    const movedMs = await becomes((skew) => skew === ALL_AT_ONE, "at one endpoint");
    context.diagnostic(
      `confirmed by the node after ${tookMs} ms; open channels had moved ${Math.round(movedMs)} ms later`,
    );
    assert.ok(tookMs <= OFF_MS, `${tookMs} ms`);
    const { failed, unary } = await load.finish();
    assert.deepEqual(failed, []);
    assert.ok(unary > 0);
  });

  it("of a node takes neither command nor control plane: its Pods are ended, and no call fails", async (context) => {
    await shop.box.namespace("shop", { mode: "transparent" });
    await captured(node, pod);
    const load = await startLoad();
    await shop.box.controlPlane!.stop();
    const startMs = performance.now();
    // What the kubelet does when the DaemonSet is for this node no more: first the containers, then what was started before them.
    const { program } = node.proxy;
    program.signal("SIGTERM");
    await until(
      "new connections go past the proxy",
      () => node.captureState()?.open === false,
      () => node.trouble(),
      20_000,
    );
    const openMs = Math.round(performance.now() - startMs);
    await becomes((skew) => skew === ALL_AT_ONE, "at one endpoint");
    const movedMs = Math.round(performance.now() - startMs);
    context.diagnostic(
      `new connections past the proxy after ${openMs} ms, open channels moved by ${movedMs} ms (looked at for 500 ms each)`,
    );
    assert.ok(openMs <= OFF_MS, `${openMs} ms`);
    assert.ok(movedMs <= OFF_MS, `${movedMs} ms`);
    // A long stream keeps the proxy until it ends.
    assert.deepEqual((await load.finish()).failed, []);
    assert.equal(await program.waitForEnd(40_000), 0);
    await node.capture.stop();
    assert.equal(node.network.namespace.run("nft", ["list", "tables"]).includes("isobar"), false);
  });
});
