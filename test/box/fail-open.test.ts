import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { go } from "../clients/harness/go.ts";
import { java } from "../clients/harness/java.ts";
import type { LoadReport } from "../e2e/harness/caller.ts";
import { until } from "../e2e/harness/until.ts";
import { BoxLoad } from "./harness/box-load.ts";
import type { BoxNode } from "./harness/box-node.ts";
import type { BoxPod } from "./harness/box-pod.ts";
import { BoxShop, captured, current } from "./harness/box-shop.ts";
import { boxSuite, buildPrograms } from "./harness/missing-for-box.ts";

const LANGUAGES = [go, java];
/** Within which channels call again. */
const BACK_MS = 5_000;
const WATCH_MS = 6_000;
const CLIENTS = ["go4", "go6", "java4"];
/** Most calls of three endpoints, relative to the mean: all at one; or spread, though streams that stand keep others away from where they are. */
const [ALL_AT_ONE, SPREAD] = [3, 2.2];

describe("channels go on without the proxy", boxSuite(LANGUAGES), () => {
  let shop: BoxShop;
  let node: BoxNode;
  let pod: BoxPod;
  let loads: readonly BoxLoad[] = [];
  const reports: LoadReport[] = [];
  /** What was done, and when calls may have been lost by it; milliseconds since 1970. */
  const broken: { what: string; fromMs: number; toMs: number; gaps: object }[] = [];

  before(async () => {
    await buildPrograms(LANGUAGES);
    shop = await BoxShop.open({ isobar: false });
    await shop.start({ breakable: true });
    node = shop.box.nodes[0]!;
    pod = await shop.box.pod("shop", "client");
    await captured(node, pod);
    startLoads();
    await backThroughIt();
  });
  after(() => shop?.[Symbol.asyncDispose]());

  function startLoads(): void {
    const { authority, target, target6 } = shop.echo;
    loads = [
      new BoxLoad(pod, go, "go4", { target, authority }),
      new BoxLoad(pod, go, "go6", { target: target6, authority }),
      new BoxLoad(pod, java, "java4", { target, authority }),
    ];
  }

  /** Ends the clients and starts others: those that went past the proxy would be moved in 10 to 20 s. */
  async function restartLoads(): Promise<void> {
    reports.push(...(await Promise.all(loads.map((load) => load.finish()))));
    startLoads();
    await backThroughIt();
  }

  /** Breaks something, and looks at what clients notice. */
  async function brokenBy(what: string, action: () => Promise<void> | void): Promise<void> {
    const fromMs = Date.now();
    await action();
    const gaps = await shop.longestGaps(CLIENTS, WATCH_MS);
    for (const gap of Object.values(gaps))
      assert.ok(gap <= BACK_MS, JSON.stringify({ gaps, ...node.trouble() }));
    broken.push({ what, fromMs, toMs: fromMs + BACK_MS, gaps });
  }

  async function assertPast(): Promise<void> {
    const skews = await shop.skews(CLIENTS, 500);
    for (const skew of Object.values(skews)) assert.equal(skew, ALL_AT_ONE, JSON.stringify(skews));
  }

  /** Waits until all clients' calls are spread again. A call that is lost meanwhile is one of a connection that has been moved. */
  async function backThroughIt(): Promise<void> {
    const fromMs = Date.now();
    const tookMs = await until(
      "channels go through it",
      async () => Object.values(await shop.skews(CLIENTS, 500)).every((each) => each <= SPREAD),
      () => node.trouble(),
      20_000,
    );
    broken.push({ what: "moved back", fromMs, toMs: fromMs + tookMs, gaps: {} });
  }

  it("when it is killed, and come back to the next one", async () => {
    await brokenBy("killed", () => node.proxy.program.kill());
    await assertPast();
    const next = node.startProxy({ breakable: true });
    await current(node, next.generation);
    await backThroughIt();
  });

  it("when it is stopped (SIGSTOP), and come back when it goes on", async () => {
    await brokenBy("stopped", () => node.proxy.program.signal("SIGSTOP"));
    await assertPast();
    node.proxy.program.signal("SIGCONT");
    await until("it answers again", () => node.captureState()?.open === true);
    await restartLoads();
  });

  it("when its worker spins, and is replaced", async () => {
    await brokenBy("worker spins", () => node.proxy.program.signal("SIGUSR2"));
    await until("it answers again", () => node.captureState()?.open === true);
    await restartLoads();
  });

  it("when capture is killed, and come back with the next capture", async () => {
    await brokenBy("capture killed", () => node.capture.kill());
    await assertPast();
    node.startCapture();
    await until("it is at work", () => node.captureState()?.open === true && node.holds(() => true));
  });

  it("and lose only calls that were open then", async (context) => {
    reports.push(...(await Promise.all(loads.map((load) => load.finish()))));
    for (const { what, fromMs, toMs, gaps } of broken) {
      const lost = CLIENTS.map((client) => {
        const failed = reports.filter(({ name }) => name === client).flatMap((each) => each.failed);
        return [client, failed.filter(({ at }) => at >= fromMs && at <= toMs).length];
      });
      context.diagnostic(
        `${what}: longest time without a new call, ms ${JSON.stringify(gaps)}, calls lost ${JSON.stringify(Object.fromEntries(lost))}, in ${Math.round(toMs - fromMs)} ms`,
      );
    }
    const isExplained = (at: number): boolean =>
      broken.some(({ fromMs, toMs }) => at >= fromMs && at <= toMs);
    for (const { name, failed } of reports)
      assert.deepEqual(
        failed.filter(({ at }) => !isExplained(at)),
        [],
        name,
      );
  });
});
