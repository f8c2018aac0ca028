import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { go } from "../clients/harness/go.ts";
import { java } from "../clients/harness/java.ts";
import { python } from "../clients/harness/python.ts";
import { rust } from "../clients/harness/rust.ts";
import type { FailedCall } from "../e2e/harness/caller.ts";
import { until } from "../e2e/harness/until.ts";
import { BoxLoad } from "./harness/box-load.ts";
import type { BoxNode } from "./harness/box-node.ts";
import type { BoxPod } from "./harness/box-pod.ts";
import { BoxShop, captured, current, DOOR } from "./harness/box-shop.ts";
import { boxSuite, buildPrograms } from "./harness/missing-for-box.ts";

const { ISOBAR_UPGRADES = "2" } = process.env;
const LANGUAGES = [go, java, python, rust];

/** The longest calls of the load: streams that a generation lets finish before it leaves. */
const BIDI_MS = 5_000;
const LEAVE_MS = 60_000;
/** Most calls of three endpoints, relative to the mean, when they are spread; streams that stand keep others away from where they are. */
const SPREAD = 2.2;
/** Of one client. */
const CALLS_AT_ONCE = 7;
const NAMES = ["go", "java", "python", "rust"];

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
    const [byService, byDoor] = [shop.echo.target, DOOR].map((target) => ({
      target,
      authority,
      bidiMs: BIDI_MS,
    }));
    const loads = [
      ...LANGUAGES.map((language, i) => new BoxLoad(pod, language, NAMES[i]!, byService!)),
      new BoxLoad(byAddress, go, "door", byDoor!),
    ];
    const names = loads.map(({ name }) => name);
    await until("all clients call", () => names.every((name) => total(shop.calls(name)) > 20));
    const tookMs: number[] = [];
    for (let round = 0; round < Number(ISOBAR_UPGRADES); round++) {
      const old = node.proxy;
      const next = node.startProxy();
      tookMs.push(await current(node, next.generation));
      const code = await old.program.waitForEnd(LEAVE_MS).catch(String);
      assert.equal(
        code,
        0,
        JSON.stringify({ round, lines: old.program.lines.slice(-15), ...node.trouble() }),
      );
    }
    await until("calls are spread", async () =>
      Object.values(await shop.skews(names, 1_000)).every((each) => each <= SPREAD),
    );
    const reports = await Promise.all(loads.map((load) => load.finish()));
    const failed = reports.flatMap(({ name, failed: all }) =>
      all.filter((each) => !(name === "rust" && isUnsent(each))).map((each) => ({ name, ...each })),
    );
    assert.deepEqual(failed, [], `${node.account()}\n${JSON.stringify({ failed, ...node.trouble() })}`);
    for (const { name, failed: own, unary, streams } of reports) {
      assert.ok(own.length <= tookMs.length * CALLS_AT_ONCE, JSON.stringify(own));
      context.diagnostic(
        `${name}: ${unary} unary calls, ${streams} streams, ${own.length === 0 ? "none failed" : `${own.length} that it did not send`}`,
      );
    }
    context.diagnostic(node.account());
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

/**
 * tonic cancels calls by itself that begin on a connection after its GOAWAY, while streams of it are open, and does so whoever sent that: they
 * never were on the wire. Its status for that is CANCELLED.
 */
function isUnsent({ status, message }: FailedCall): boolean {
  return status === 1 && message === "operation was canceled";
}
