import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { go } from "../clients/harness/go.ts";
import { java } from "../clients/harness/java.ts";
import { python } from "../clients/harness/python.ts";
import { until } from "../e2e/harness/until.ts";
import { BoxLoad } from "./harness/box-load.ts";
import type { BoxNode } from "./harness/box-node.ts";
import type { BoxPod } from "./harness/box-pod.ts";
import { BoxShop, captured, current, DOOR } from "./harness/box-shop.ts";
import { boxSuite, buildPrograms } from "./harness/missing-for-box.ts";

const { ISOBAR_UPGRADES = "3" } = process.env;
const LANGUAGES = [go, java, python];

/** The longest call of the load takes 3 s. */
const LEAVE_MS = 20_000;
/** Most calls of three endpoints, relative to the mean, when they are spread; streams that stand keep others away from where they are. */
const SPREAD = 2.2;

describe("a new generation of the proxy", boxSuite(LANGUAGES), () => {
  let shop: BoxShop;
  let node: BoxNode;
  let pod: BoxPod;
  let byAddress: BoxPod;

  before(async () => {
    await buildPrograms(LANGUAGES);
    shop = await BoxShop.open();
    node = shop.box.nodes[0]!;
    pod = await shop.box.pod("shop", "client");
    byAddress = await shop.box.pod("shop", "client-by-address", { annotations: { mode: "address" } });
    await captured(node, pod);
  });
  after(() => shop?.[Symbol.asyncDispose]());

  it("takes the traffic of the one before without a call that fails, again and again", async (context) => {
    const { authority } = shop.echo;
    const loads = [
      new BoxLoad(pod, go, "go", shop.echo),
      new BoxLoad(pod, java, "java", shop.echo),
      new BoxLoad(pod, python, "python", shop.echo),
      new BoxLoad(byAddress, go, "door", { target: DOOR, authority }),
    ];
    const names = loads.map(({ name }) => name);
    await until("all clients call", () => names.every((name) => total(shop.calls(name)) > 20));
    const tookMs: number[] = [];
    for (let round = 0; round < Number(ISOBAR_UPGRADES); round++) {
      const old = node.proxy;
      const next = node.startProxy();
      tookMs.push(await current(node, next.generation));
      assert.equal(await old.program.waitForEnd(LEAVE_MS), 0, old.program.lines.slice(-15).join("\n"));
    }
    await until("calls are spread", async () =>
      Object.values(await shop.skews(names, 1_000)).every((each) => each <= SPREAD),
    );
    for (const load of loads) {
      const { name, failed, unary, streams } = await load.finish();
      assert.deepEqual(failed, [], name);
      context.diagnostic(`${name}: ${unary} unary calls, ${streams} streams, none failed`);
    }
    context.diagnostic(`current after ms: ${tookMs.map(Math.round).join(", ")}`);
  });

  it("that never becomes ready leaves the one before at work", async () => {
    const { generation } = node.proxy;
    const load = new BoxLoad(pod, go, "steady", shop.echo);
    await until("it calls", () => total(shop.calls("steady")) > 20);
    // Nobody listens there, so it waits for its first services.
    const failing = node.startProxy({
      more: { controlPlane: { addresses: ["127.0.0.1:9"], insecure: true } },
    });
    await failing.program.logged(/control plane/);
    const gaps = await shop.longestGaps(["steady"], 4_000);
    assert.ok(gaps["steady"]! < 1_000, JSON.stringify(gaps));
    assert.equal(node.captureState()?.current, generation, JSON.stringify(node.trouble()));
    assert.deepEqual((await load.finish()).failed, []);
    await failing.stop();
  });
});

function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, each) => sum + each, 0);
}
