import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { until } from "../../e2e/harness/until.ts";
import { CaptureLab, missingForCapture, planOf, SERVICE } from "./harness/capture-lab.ts";

/** Each connection has been answered, by these; past them only where the log says that canaries did not come back on a busy machine. */
function assertOnly(
  wanted: readonly string[],
  answers: Readonly<Record<string, number>>,
  said: string,
): void {
  const { backend = 0, ...others } = answers;
  assert.deepEqual(Object.keys(others).sort(), wanted, JSON.stringify(answers));
  if (backend > 0) assert.match(said, /new connections go past the proxy/, JSON.stringify(answers));
}

describe("isobar capture", { skip: missingForCapture(), timeout: 5 * 60_000 }, () => {
  let lab: CaptureLab;
  before(async () => {
    lab = await CaptureLab.open();
  });
  after(() => lab?.[Symbol.asyncDispose]());
  afterEach(() => lab.clear());

  it("leads new connections to a new generation without one that is lost, and lets the old one's live", async () => {
    await lab.proxy("a");
    const capture = lab.capture();
    await lab.opened("a");
    assert.equal(await lab.open("old"), `a ${SERVICE.anyIp4}`);
    const from = lab.client.lines.length;
    lab.client.tell(`loop ${SERVICE.ipv4} ${SERVICE.port} 4000`);
    const next = await lab.proxy("b");
    await lab.opened("b");
    const { text } = await lab.client.line(/^loop: /, from, 60_000);
    const answers = JSON.parse(text.slice(6)) as Record<string, number>;
    assertOnly([`a ${SERVICE.anyIp4}`, `b ${SERVICE.anyIp4}`], answers, capture.said);
    assert.equal(await lab.say("old"), `a ${SERVICE.anyIp4}`);
    // The one before has not begun to leave: it gets connections again when the new one dies.
    await next.end("SIGKILL");
    await lab.opened("a");
    assert.equal(await lab.ask(), `a ${SERVICE.anyIp4}`);
  });

  it("leaves a generation alone that never becomes ready, and one that leaves", async () => {
    const first = await lab.proxy("a");
    lab.capture();
    await lab.opened("a");
    const second = await lab.proxy("b");
    second.tell("ready false");
    await second.line(/done/);
    await until("b has answered", () =>
      Boolean(lab.report()?.generations.find((each) => each.generation === "b")?.alive),
    );
    second.tell("draining true");
    await second.line(/done draining/);
    assert.equal(await lab.ask(), `a ${SERVICE.anyIp4}`);
    first.tell("draining true");
    await until("a connection goes past", async () => (await lab.ask()) === "backend");
  });

  it("hands the table to the next capture without a connection that is lost, and removes it when it is the last", async () => {
    await lab.proxy("a");
    const first = lab.capture();
    await lab.opened("a");
    assert.equal(await lab.open("kept"), `a ${SERVICE.anyIp4}`);
    const second = lab.capture();
    await until("the second waits", () => second.said.includes("another capture keeps the table"));
    const from = lab.client.lines.length;
    lab.client.tell(`loop ${SERVICE.ipv4} ${SERVICE.port} 3000`);
    await first.end();
    await lab.opened("a");
    const { text } = await lab.client.line(/^loop: /, from, 60_000);
    assertOnly([`a ${SERVICE.anyIp4}`], JSON.parse(text.slice(6)), second.said);
    assert.equal(await lab.say("kept"), `a ${SERVICE.anyIp4}`);
    await second.end();
    assert.equal(lab.table(), "");
    assert.equal(await lab.ask(), "backend");
    // Its proxy works: nobody has a reason to end what stands.
    assert.equal(await lab.say("kept"), `a ${SERVICE.anyIp4}`);
  });

  it("leaves nothing behind when there is no proxy either", async () => {
    const proxy = await lab.proxy("a");
    const capture = lab.capture();
    await lab.opened("a");
    await proxy.end();
    await until("it is gone", () => lab.report()?.generations.length === 0);
    await capture.end();
    assert.equal(lab.table(), "");
    assert.doesNotMatch(lab.node.run("ip", ["route", "show", "table", "local"]), /240\.18|169\.254\.77/);
    assert.doesNotMatch(lab.node.run("ip", ["-6", "route", "show", "table", "local"]), /fd00:77/);
  });

  it("counts connections that were open before, moves them, and leaves those alone that are to be left", async () => {
    const before = ["one", "two", "six"];
    for (const id of before)
      assert.equal(await lab.open(id, id === "six" ? SERVICE.ipv6 : SERVICE.ipv4), "backend");
    const proxy = await lab.proxy("a", planOf({ reclaim: false }));
    lab.capture();
    await lab.opened("a");
    for (const id of before) assert.equal(await lab.say(id), "backend");
    await until(
      "they are counted",
      () => lab.report()?.bypassed[0]?.connections === 3,
      () => lab.report(),
      10_000,
    );
    assert.equal(lab.report()?.bypassed[0]?.service, "echo.shop:50051");
    proxy.tell(`plan ${planOf({}, "2")}`);
    const ends = (id: string): string | undefined =>
      lab.client.lines.find((line) => line.startsWith(`${id}: gone`));
    await until(
      "all are reset",
      () => {
        for (const id of before) if (ends(id) === undefined) lab.client.tell(`say ${id}`);
        return before.every((id) => ends(id) !== undefined);
      },
      () => lab.report(),
      40_000,
    );
    for (const id of before) assert.equal(ends(id), `${id}: gone ECONNRESET`);
    await until(
      "none are left",
      () => lab.report()?.bypassed.length === 0 && lab.report()?.reclaimedTotal === 3,
      () => lab.report(),
      10_000,
    );
  });
});
