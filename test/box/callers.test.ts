import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { isAmong } from "../../src/controller/opt-in.ts";
import { go } from "../clients/harness/go.ts";
import { until } from "../e2e/harness/until.ts";
import { BoxLoad } from "./harness/box-load.ts";
import type { BoxNode } from "./harness/box-node.ts";
import type { BoxPod } from "./harness/box-pod.ts";
import { BoxShop, captured, current } from "./harness/box-shop.ts";
import { boxSuite } from "./harness/missing-for-box.ts";
import { spreadOf } from "./harness/spread-of.ts";

const PODS = 16;
const LIMIT_MS = 20_000;

describe("what annotations say of callers", boxSuite(), () => {
  let shop: BoxShop;
  let node: BoxNode;

  before(async () => {
    shop = await BoxShop.open();
    node = shop.box.nodes[0]!;
  });
  after(() => shop?.[Symbol.asyncDispose]());

  it("captures so many of a hundred Pods; raising that only adds some, and one that says its mode is always among them", async (context) => {
    const pods: BoxPod[] = [];
    for (let i = 0; i < PODS; i++) pods.push(await shop.box.pod("shop", `percent-${i}`));
    const meant = await shop.box.pod("shop", "meant", { annotations: { mode: "transparent" } });
    let before = new Set<string>();
    const sizes: number[] = [];
    for (const percent of [0, 25, 50, 75, 100]) {
      await shop.box.namespace("shop", { mode: "transparent", percent: String(percent) });
      const among = new Set(await settled(pods, percent));
      assert.ok(
        [...before].every((name) => among.has(name)),
        `${percent}: ${[...before]} → ${[...among]}`,
      );
      await captured(node, meant);
      before = among;
      sizes.push(among.size);
    }
    assert.deepEqual([sizes[0], sizes.at(-1)], [0, PODS]);
    context.diagnostic(`of ${PODS} Pods: ${sizes.join(", ")}`);
    // What the plan says is what the kernel does.
    for (const pod of pods.slice(0, 2)) {
      const counts = await spreadOf(pod, go, shop.echo.target, shop.echo.authority);
      assert.equal(Object.keys(counts).length, 3, JSON.stringify(counts));
    }
    await shop.box.namespace("shop", { mode: "transparent" });
  });

  /** @returns the names of those that are captured, once that is whom the percent means. */
  async function settled(pods: readonly BoxPod[], percent: number): Promise<readonly string[]> {
    const wanted = pods.filter(({ uid }) => isAmong(percent, uid)).map(({ name }) => name);
    let names: readonly string[] = [];
    await until(
      `${percent} of a hundred are captured`,
      () =>
        node.holds(({ callers }) => {
          const modes = new Map(callers.map(({ uid, mode }) => [uid, mode]));
          names = pods.filter(({ uid }) => modes.get(uid) === "transparent").map(({ name }) => name);
          return pods.every(({ uid }) => modes.has(uid)) && isDeepStrictEqual(names, wanted);
        }),
      () => ({ names, wanted, ...node.trouble() }),
      LIMIT_MS,
    );
    return names;
  }

  it("refuses Pods that fail closed while no proxy works, and capture neither, and lets others past", async () => {
    const [open, closed] = [
      await shop.box.pod("shop", "open"),
      await shop.box.pod("shop", "closed", { annotations: { fail: "closed" } }),
    ];
    await captured(node, open);
    await captured(node, closed);
    const loads = [open, closed].map((pod) => new BoxLoad(pod, go, pod.name, shop.echo));
    await until("both call", () => ["open", "closed"].every((name) => total(name) > 20));

    await node.proxy.program.kill();
    await assertOnly("open");
    await until(
      "capture has counted that",
      () => node.captureState()!.refusedTotal > 0,
      () => node.trouble(),
      LIMIT_MS,
    );
    await node.capture.kill();
    await assertOnly("open");

    node.startCapture();
    const proxy = node.startProxy();
    await current(node, proxy.generation);
    const before = total("closed");
    await until(
      "it calls again",
      () => total("closed") > before + 20,
      () => node.trouble(),
      LIMIT_MS,
    );
    for (const load of loads) await load.finish();
  });

  const total = (client: string): number =>
    Object.values(shop.calls(client)).reduce((sum, each) => sum + each, 0);

  /** Calls of the one begin at backends, and none of the Pod that fails closed, after a moment for those that were under way. */
  async function assertOnly(name: string): Promise<void> {
    await shop.skews([name], 1_000);
    const [open, closed] = [total(name), total("closed")];
    await until(
      "others call",
      () => total(name) > open + 20,
      () => node.trouble(),
      LIMIT_MS,
    );
    assert.equal(total("closed"), closed, "calls that got past");
  }
});
