import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { go } from "../clients/harness/go.ts";
import { java } from "../clients/harness/java.ts";
import { until } from "../e2e/harness/until.ts";
import { BoxLoad } from "./harness/box-load.ts";
import type { BoxNode } from "./harness/box-node.ts";
import type { BoxPod } from "./harness/box-pod.ts";
import { BoxShop, captured } from "./harness/box-shop.ts";
import { boxSuite, buildPrograms } from "./harness/missing-for-box.ts";
import { spreadOf } from "./harness/spread-of.ts";

const LANGUAGES = [go, java];
const CLIENTS = ["go", "java"];
/** Most calls of three endpoints, relative to the mean: all at one; or spread, though streams that stand keep others away from where they are. */
const [ALL_AT_ONE, SPREAD] = [3, 2.2];

describe("opting in and out under load", boxSuite(LANGUAGES), () => {
  let shop: BoxShop;
  let node: BoxNode;
  let pod: BoxPod;

  before(async () => {
    await buildPrograms(LANGUAGES);
    shop = await BoxShop.open({ annotations: {} });
    node = shop.box.nodes[0]!;
    pod = await shop.box.pod("shop", "client");
    await captured(node, pod, false);
  });
  after(() => shop?.[Symbol.asyncDispose]());

  function startLoads(): readonly BoxLoad[] {
    return [new BoxLoad(pod, go, "go", shop.echo), new BoxLoad(pod, java, "java", shop.echo)];
  }

  async function becomeEven(isWanted: boolean): Promise<number> {
    return until(
      `calls are ${isWanted ? "" : "not "}spread`,
      async () =>
        Object.values(await shop.skews(CLIENTS, 500)).every((each) =>
          isWanted ? each <= SPREAD : each === ALL_AT_ONE,
        ),
      () => node.trouble(),
      20_000,
    );
  }

  it("fails no call where what is open is left alone, and none when it ends", async () => {
    const before = startLoads();
    await becomeEven(false);
    await shop.box.namespace("shop", { mode: "transparent", reclaim: "off" });
    await captured(node, pod);
    // New channels are captured; the open ones stay where they are.
    const counts = await spreadOf(pod, go, shop.echo.target, shop.echo.authority);
    assert.equal(Object.keys(counts).length, 3, JSON.stringify(counts));
    const skews = await shop.skews(CLIENTS, 2_000);
    assert.deepEqual(skews, { go: ALL_AT_ONE, java: ALL_AT_ONE });
    for (const load of before) assert.deepEqual((await load.finish()).failed, []);

    const loads = startLoads();
    await becomeEven(true);
    await shop.box.namespace("shop", { mode: "off" });
    await captured(node, pod, false);
    await becomeEven(false);
    for (const load of loads) {
      const { failed, unary } = await load.finish();
      assert.deepEqual(failed, []);
      assert.ok(unary > 0);
    }
  });

  it("moves channels that were open before, and loses no more than their calls", async (context) => {
    await shop.box.namespace("shop", { mode: "off" });
    await captured(node, pod, false);
    const loads = startLoads();
    await becomeEven(false);
    await shop.box.namespace("shop", { mode: "transparent" });
    const movedMs = await becomeEven(true);
    const reports = await Promise.all(loads.map((load) => load.finish()));
    const lost = reports.map(({ name, failed }) => `${name} ${failed.length}`);
    context.diagnostic(
      `two channels moved within ${Math.round(movedMs)} ms; calls lost to resets: ${lost.join(", ")}`,
    );
    // Each client has six calls at a time on its channel, which is reset once.
    for (const { failed } of reports) assert.ok(failed.length <= 6, JSON.stringify(failed));
  });

  it("leaves a Service alone that says so, whoever calls it", async () => {
    await shop.box.namespace("shop", { mode: "transparent" });
    await captured(node, pod);
    await shop.echo.write({ "isobar.dev/mode": "off" });
    await until("the Service is not captured", () =>
      node.holds(({ services }) => services.every(({ service }) => !service.startsWith("echo."))),
    );
    const counts = await spreadOf(pod, go, shop.echo.target, shop.echo.authority);
    assert.equal(Object.keys(counts).length, 1, JSON.stringify(counts));
    await shop.echo.write({});
    await until("the Service is captured again", () =>
      node.holds(({ services }) => services.some(({ service }) => service.startsWith("echo."))),
    );
    assert.equal(Object.keys(await spreadOf(pod, go, shop.echo.target, shop.echo.authority)).length, 3);
  });
});
