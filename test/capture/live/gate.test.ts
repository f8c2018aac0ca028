import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { after, afterEach, before, describe, it } from "node:test";
import { until } from "../../e2e/harness/until.ts";
import { CaptureLab, DOOR, missingForCapture, planOf, SERVICE } from "./harness/capture-lab.ts";

const TO_PROXY = { ipv4: `a ${SERVICE.anyIp4}`, ipv6: `a ${SERVICE.anyIp6}` };
/** From the failure on; half a second for a machine that does other things too. */
const WITHIN_MS = 3_500;

describe("the gate of isobar capture", { skip: missingForCapture(), timeout: 5 * 60_000 }, () => {
  let lab: CaptureLab;
  before(async () => {
    lab = await CaptureLab.open();
  });
  after(() => lab?.[Symbol.asyncDispose]());
  afterEach(() => lab.clear());

  it("leads a pod's connections to the proxy by the number of their service, and to the door by its address", async () => {
    await lab.proxy("a");
    lab.capture();
    await lab.opened("a");
    assert.equal(await lab.ask(SERVICE.ipv4), TO_PROXY.ipv4);
    assert.equal(await lab.ask(SERVICE.ipv6), TO_PROXY.ipv6);
    assert.equal(await lab.ask(DOOR.address, DOOR.port), "a 240.18.255.1");
    // Proxies are other users.
    assert.equal(statSync(lab.runDir).mode & 0o7777, 0o1777);
  });

  it("takes in a plan that changes within a moment, and lets pods alone that are not captured", async () => {
    const proxy = await lab.proxy("a", planOf({ mode: "address" }));
    lab.capture();
    await lab.opened("a");
    assert.equal(await lab.ask(), "backend");
    proxy.tell(`plan ${planOf({}, "2")}`);
    const tookMs = await lab.opened("a", "2");
    assert.ok(tookMs < 900, `${tookMs} ms: not seen before the next second`);
    assert.equal(await lab.ask(), TO_PROXY.ipv4);
  });

  for (const [what, stop] of [
    ["is stopped", (proxy) => proxy.signal("SIGSTOP")],
    ["has a worker that hangs", (proxy) => proxy.tell("hang 1")],
  ] as readonly [string, (proxy: Awaited<ReturnType<CaptureLab["proxy"]>>) => void][])
    it(`lets new connections past, and ends the others, when the proxy ${what}; and leads them back later`, async (context) => {
      const proxy = await lab.proxy("a");
      lab.capture();
      await lab.opened("a");
      assert.equal(await lab.open("four", SERVICE.ipv4), TO_PROXY.ipv4);
      assert.equal(await lab.open("six", SERVICE.ipv6), TO_PROXY.ipv6);
      const from = lab.client.lines.length;
      stop(proxy);
      // The clients say nothing: they are waiting, as for a response.
      const four = await lab.client.line(/^four: gone/, from);
      const six = await lab.client.line(/^six: gone/, from);
      const tookMs = Math.max(four.tookMs, four.tookMs + six.tookMs);
      assert.match(four.text, /ECONNRESET/);
      assert.match(six.text, /ECONNRESET/);
      assert.ok(tookMs <= WITHIN_MS, `${tookMs} ms`);
      context.diagnostic(`both connections were reset after ${Math.round(tookMs)} ms`);
      assert.equal(await lab.ask(SERVICE.ipv4), "backend");
      assert.equal(await lab.ask(SERVICE.ipv6), "backend");
      assert.match(await lab.ask(DOOR.address, DOOR.port), /ECONNREFUSED|ECONNRESET/);
      proxy.signal("SIGCONT");
      proxy.tell("work");
      await lab.opened("a");
      assert.equal(await lab.ask(), TO_PROXY.ipv4);
    });

  it("lets new connections past at once when the proxy dies", async () => {
    const proxy = await lab.proxy("a");
    lab.capture();
    await lab.opened("a");
    await proxy.end("SIGKILL");
    const tookMs = await until("a connection goes past", async () => (await lab.ask()) === "backend");
    assert.ok(tookMs < 1_500, `${tookMs} ms`);
  });

  it("opens by itself when capture is killed, and established connections get a reset", async () => {
    await lab.proxy("a");
    const capture = lab.capture();
    await lab.opened("a");
    assert.equal(await lab.open("kept"), TO_PROXY.ipv4);
    await capture.end("SIGKILL");
    const tookMs = await until("a connection goes past", async () => (await lab.ask()) === "backend");
    assert.ok(tookMs <= WITHIN_MS, `${tookMs} ms`);
    assert.match(await lab.say("kept"), /gone ECONNRESET/);
    lab.capture();
    await lab.opened("a");
    assert.equal(await lab.ask(), TO_PROXY.ipv4);
  });

  it("closes for new connections only when the proxy says that it is full", async () => {
    const proxy = await lab.proxy("a");
    lab.capture();
    await lab.opened("a");
    assert.equal(await lab.open("full"), TO_PROXY.ipv4);
    proxy.tell("ready false");
    await until("a connection goes past", async () => (await lab.ask()) === "backend", undefined, 3_000);
    // Longer than anything is held that is not renewed.
    await until("the report is new", () => (lab.report()?.failOpenSecondsTotal ?? 0) > 3.2);
    assert.equal(await lab.say("full"), TO_PROXY.ipv4);
    assert.equal(lab.report()?.current, "a");
    proxy.tell("ready true");
    await lab.opened("a");
    assert.equal(await lab.ask(), TO_PROXY.ipv4);
  });

  it("refuses pods that fail closed while the proxy does not work, and lets nobody in to its numbers by another way", async () => {
    const proxy = await lab.proxy("a", planOf({ failClosed: true }));
    const capture = lab.capture();
    await lab.opened("a");
    const [, port = ""] = /port (\d+)/.exec(proxy.lines.join("\n")) ?? [];
    // Directly: to the number, and to the canary.
    assert.match(await lab.ask(SERVICE.anyIp4, Number(port)), /ECONNRE/);
    assert.match(await lab.ask("240.18.255.2", Number(port)), /ECONNRE/);
    assert.equal(await lab.ask(), TO_PROXY.ipv4);
    await proxy.end("SIGKILL");
    await until("a connection is refused", async () => /ECONNRE/.test(await lab.ask()));
    assert.match(await lab.ask(SERVICE.ipv6), /ECONNRE/);
    assert.ok((lab.report()?.refusedTotal ?? 0) >= 0);
    // Also when capture leaves: who is closed stays so for ten minutes.
    await capture.end();
    assert.match(await lab.ask(), /ECONNRE/);
  });
});
