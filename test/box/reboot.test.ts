import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { go } from "../clients/harness/go.ts";
import { until } from "../e2e/harness/until.ts";
import { BoxLoad } from "./harness/box-load.ts";
import type { BoxNode } from "./harness/box-node.ts";
import type { BoxPod } from "./harness/box-pod.ts";
import { BoxShop, captured, current } from "./harness/box-shop.ts";
import { boxSuite } from "./harness/missing-for-box.ts";

/** Within which calls of the other node go on. */
const BACK_MS = 5_000;
/** Of three endpoints: all calls at one of them, and about evenly. */
const [ALL_AT_ONE, EVEN] = [3, 1.25];
const LIMIT_MS = 20_000;

describe("a node that is started again", boxSuite(), () => {
  let shop: BoxShop;
  let node: BoxNode;
  let pod: BoxPod;
  let other: BoxLoad;
  let again: BoxLoad;
  let cutMs = 0;

  before(async () => {
    shop = await BoxShop.open({ nodes: 2 });
    node = shop.box.nodes[0]!;
    pod = await shop.box.pod("shop", "client");
    const neighbour = await shop.box.pod("shop", "neighbour", { node: 1 });
    await Promise.all([captured(node, pod), captured(shop.box.nodes[1]!, neighbour)]);
    void new BoxLoad(pod, go, "before", shop.echo);
    other = new BoxLoad(neighbour, go, "other", shop.echo);
    await untilSpread("before");
    await untilSpread("other");
  });
  after(() => shop?.[Symbol.asyncDispose]());

  async function untilSpread(client: string): Promise<number> {
    return until(
      `calls of ${client} are spread`,
      async () => (await shop.skews([client], 500))[client]! <= EVEN,
      () => node.trouble(),
      LIMIT_MS,
    );
  }

  it("is missed by calls of other nodes only as long as its endpoints are away", async () => {
    cutMs = Date.now();
    const [gaps] = await Promise.all([shop.longestGaps(["other"], BACK_MS), node.reboot()]);
    assert.ok(gaps["other"]! < BACK_MS / 2, JSON.stringify(gaps));
    assert.deepEqual(node.leftovers(), []);
    for (const backend of shop.backends) if (backend.node === node.name) await backend.serve(shop.echo.port);
    await untilSpread("other");
  });

  it("lets its Pods call before anything of Isobar runs again", async () => {
    again = new BoxLoad(pod, go, "again", shop.echo);
    await until("it calls", () => Object.values(shop.calls("again")).some((count) => count > 20));
    assert.deepEqual(await shop.skews(["again"], 500), { again: ALL_AT_ONE });
  });

  it("gets its traffic back from capture and proxy, whichever comes first", async (context) => {
    node.startCapture();
    await until("capture has begun", () => node.captureState() !== undefined, undefined, LIMIT_MS);
    const proxy = node.startProxy();
    await current(node, proxy.generation);
    await captured(node, pod);
    const movedMs = await untilSpread("again");
    assert.ok(node.leftovers().some((line) => line.includes("table inet isobar")));
    const { failed } = await again.finish();
    // The six calls that were open on its one connection when that was moved.
    assert.ok(failed.length <= 6, JSON.stringify(failed));
    context.diagnostic(
      `its channel was moved after ${Math.round(movedMs)} ms, with ${failed.length} calls lost`,
    );
  });

  it("and costs other nodes no calls but those at its endpoints", async (context) => {
    const { failed, unary } = await other.finish();
    const late = failed.filter(({ at }) => at > cutMs + BACK_MS);
    assert.deepEqual(late, []);
    context.diagnostic(`${failed.length} of ${unary} calls lost within ${BACK_MS} ms`);
  });
});
