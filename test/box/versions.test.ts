import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { go } from "../clients/harness/go.ts";
import { until } from "../e2e/harness/until.ts";
import { BoxLoad } from "./harness/box-load.ts";
import type { BoxNode } from "./harness/box-node.ts";
import type { BoxPod } from "./harness/box-pod.ts";
import type { BoxProxy } from "./harness/box-proxy.ts";
import { readJson } from "./harness/box-proxy.ts";
import { BoxShop, captured, current } from "./harness/box-shop.ts";
import { boxSuite } from "./harness/missing-for-box.ts";
import type { Release } from "./harness/releases.ts";
import { spreadOf } from "./harness/spread-of.ts";

/** Of three endpoints, about evenly. */
const EVEN = 1.25;
const LEAVE_MS = 20_000;
/** Long enough for several rounds of canaries, and for what a control plane would say. */
const WATCH_MS = 3_000;
const LIMIT_MS = 20_000;

interface RunFile {
  readonly format: number;
  readonly later?: unknown;
  readonly ready: boolean;
}

describe("releases beside each other", boxSuite(), () => {
  let shop: BoxShop;
  let node: BoxNode;
  let pod: BoxPod;
  let load: BoxLoad;

  before(async () => {
    shop = await BoxShop.open();
    node = shop.box.nodes[0]!;
    pod = await shop.box.pod("shop", "client");
    await captured(node, pod);
    const { target, authority } = shop.echo;
    load = new BoxLoad(pod, go, "go", { target, authority, bidiMs: 1_000 });
    await untilSpread();
  });
  after(() => shop?.[Symbol.asyncDispose]());

  async function untilSpread(): Promise<void> {
    await until(
      "calls are spread",
      async () => (await shop.skews(["go"], 500))["go"]! <= EVEN,
      () => node.trouble(),
      LIMIT_MS,
    );
  }

  const fileOf = ({ generation }: BoxProxy): RunFile | undefined =>
    readJson(join(node.runDir, generation, "generation.json"));

  /** Starts a generation, waits until traffic comes to it, and until the one before has left in order. */
  async function upgrade(release?: Release): Promise<BoxProxy> {
    const old = node.proxy;
    const next = node.startProxy({ release });
    await current(node, next.generation);
    assert.equal(await old.program.waitForEnd(LEAVE_MS), 0, old.program.lines.slice(-15).join("\n"));
    return next;
  }

  async function staysWith({ generation }: BoxProxy): Promise<void> {
    const gaps = await shop.longestGaps(["go"], WATCH_MS);
    assert.ok(gaps["go"]! < 1_000, JSON.stringify(gaps));
    assert.equal(node.captureState()?.current, generation, JSON.stringify(node.trouble()));
    assert.equal(node.captureState()?.open, true);
  }

  it("a control plane that knows no callers leaves the node's generation at work, and a new one waits for the next", async () => {
    const old = node.proxy;
    await shop.box.replaceControlPlane("callerless");
    const next = node.startProxy();
    await next.program.logged(/connected with the control plane/);
    await staysWith(old);
    assert.equal(fileOf(next)?.ready, false);

    await shop.box.replaceControlPlane();
    await current(node, next.generation);
    assert.equal(await old.program.waitForEnd(LEAVE_MS), 0);
  });

  it("a control plane that says more is understood as far as it is known", async () => {
    await shop.box.replaceControlPlane("more");
    const newer = await shop.box.pod("shop", "newer");
    await captured(node, newer);
    const counts = await spreadOf(newer, go, shop.echo.target, shop.echo.authority);
    assert.equal(Object.keys(counts).length, 3, JSON.stringify(counts));
    await shop.box.replaceControlPlane();
  });

  it("a proxy whose files say more takes the traffic, and gives it back to one of today", async () => {
    const newer = await upgrade("more");
    assert.notEqual(fileOf(newer)?.later, undefined);
    await upgrade();
    assert.equal(fileOf(node.proxy)?.later, undefined);
    const { ledgers } = JSON.parse(await node.proxy.get("/capture")) as {
      readonly ledgers: readonly { readonly generation: string; readonly state: string }[];
    };
    assert.equal(ledgers.find(({ generation }) => generation === newer.generation)?.state, "closed");
  });

  it("a proxy whose files have formats that capture does not know is left alone, which is logged once", async () => {
    const today = node.proxy;
    const other = node.startProxy({ release: "formats" });
    await until(
      "it has its callers",
      () => fileOf(other)?.ready === true,
      () => other.program.lines,
      LIMIT_MS,
    );
    assert.equal(fileOf(other)?.format, 2);
    await staysWith(today);
    const said = node.capture.lines.filter((line) => line.includes("the files of a proxy cannot be used"));
    assert.equal(said.length, 1, said.join("\n"));
    assert.match(said[0]!, /format: found 2, wanted 1/);
    await other.stop();
  });

  it("and no call fails with all that", async (context) => {
    await untilSpread();
    const { failed, unary, streams } = await load.finish();
    assert.deepEqual(failed, []);
    context.diagnostic(`${unary} unary calls, ${streams} streams, none failed`);
  });
});
