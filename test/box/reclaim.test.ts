import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { until } from "../e2e/harness/until.ts";
import { BoxLoad } from "./harness/box-load.ts";
import type { BoxNode } from "./harness/box-node.ts";
import { METRICS } from "./harness/box-node.ts";
import type { BoxPod } from "./harness/box-pod.ts";
import { BoxShop, captured } from "./harness/box-shop.ts";
import { boxSuite } from "./harness/missing-for-box.ts";

/** 1 % of a service's connections are moved in a second, and at least one. */
const { ISOBAR_BOX_CHANNELS = "8" } = process.env;
const CHANNELS = Number(ISOBAR_BOX_CHANNELS);
const LIMIT_MS = 3 * 60_000;
const PERIOD_MS = 500 + CHANNELS * 1.5;
/** Enough calls of each channel that chance shows little. */
const PERIODS = 8;
const CALLS_FOR_SURE = 4_000;
/** Of the largest part to the mean. Few calls differ by chance: least_request is no round robin. */
const BOUND = CHANNELS * PERIODS >= CALLS_FOR_SURE ? 1.1 : 1.35;

describe("channels that were open when a namespace opted in", boxSuite(), () => {
  let shop: BoxShop;
  let pod: BoxPod;

  before(async () => {
    // One endpoint has more of the connections than it should, as after a restart of the others.
    shop = await BoxShop.open({ annotations: {}, backends: 1, isobar: false });
    await shop.start({ more: { metrics: METRICS } });
    pod = await shop.box.pod("shop", "client");
    await captured(node(), pod, false);
  });
  after(() => shop?.[Symbol.asyncDispose]());

  const node = (): BoxNode => shop.box.nodes[0]!;

  /** @returns what the proxy's metric says. */
  function bypassed(): number {
    const lines = node().metrics("isobar_capture_bypassed_connections{");
    const line = lines.find(
      (each) => each.includes('dst_service="echo"') && each.includes('dst_port="50051"'),
    );
    return Number(line?.split(" ").at(-1) ?? 0);
  }

  it(`are moved bit by bit, ${CHANNELS} of them, until all endpoints have the same`, {
    timeout: 10 * 60_000,
  }, async (context) => {
    const load = BoxLoad.hold(pod, "held", shop.echo, CHANNELS, PERIOD_MS);
    await until("all channels are open", () => shop.calls("held")["echo-0"]! >= CHANNELS * 2);
    await shop.addBackends(2);
    const optedInMs = performance.now();
    await shop.box.namespace("shop", { mode: "transparent" });
    await until("those that go past are counted", () => bypassed() > 0, undefined, LIMIT_MS);
    assert.ok(bypassed() <= CHANNELS, String(bypassed()));
    await until(
      "no channel goes past the proxy",
      async () => (await shop.skews(["held"], PERIOD_MS * 2))["held"]! <= BOUND,
      () => node().trouble(),
      LIMIT_MS,
    );
    await until(
      "none goes past",
      () => bypassed() === 0,
      () => node().trouble(),
      LIMIT_MS,
    );
    // From the annotation on, and not from when the first was counted.
    const tookMs = performance.now() - optedInMs;
    assert.ok(tookMs <= LIMIT_MS, `${Math.round(tookMs / 1_000)} s`);
    const skews = await shop.skews(["held"], PERIOD_MS * PERIODS);
    const { failed, unary } = await load.finish();
    context.diagnostic(
      `${CHANNELS} channels moved in ${Math.round(tookMs / 1_000)} s; max/mean ${skews["held"]}; ${failed.length} of ${unary} calls lost to resets`,
    );
    assert.ok(skews["held"]! <= BOUND, JSON.stringify(skews));
    assert.ok(failed.length <= CHANNELS, `${failed.length} calls failed`);
  });
});
