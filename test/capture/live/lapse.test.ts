import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { until } from "../../e2e/harness/until.ts";
import { CaptureLab, missingForCapture, SERVICE } from "./harness/capture-lab.ts";
import type { Driven } from "./harness/driven.ts";

/** With the second that passes between renewals longer than the kernel holds what is not renewed, and less than capture waits for nft. */
const SLOW_NFT_SECONDS = 1.85;

describe("the gate's renewal by isobar capture", { skip: missingForCapture(), timeout: 5 * 60_000 }, () => {
  let lab: CaptureLab;
  before(async () => {
    lab = await CaptureLab.open();
  });
  after(() => lab?.[Symbol.asyncDispose]());
  afterEach(() => lab.clear());

  it("says when it came too late, for how long, and past how many connections", async () => {
    await lab.proxy("a");
    const nft = slowNft();
    const capture = lab.capture();
    await lab.opened("a");
    assert.equal(await lab.ask(), `a ${SERVICE.anyIp4}`);
    assert.equal(lab.report()?.pastTotal, 0);
    nft.slow();
    const line = (): string | undefined =>
      capture.said.split("\n").find((each) => /past the proxy for a moment.*\}$/.test(each));
    // What nft has not done after 2 s is given up: whether the gate runs out before depends on when the last renewal was.
    await until("it says so", async () => {
      await lab.ask();
      return line() !== undefined;
    });
    nft.fast();
    const { lateMs, sinceRenewalMs, nftMs, connections } = JSON.parse(line()!) as Record<string, number>;
    assert.ok(lateMs! > 0 && sinceRenewalMs! > 2_600 && nftMs! > 1_000, String(line()));
    await lab.opened("a");
    assert.ok((lab.report()?.failOpenSecondsTotal ?? 0) > 0, JSON.stringify(lab.report()));
    assert.ok((lab.report()?.pastTotal ?? 0) >= connections!, JSON.stringify(lab.report()));
  });

  it("says that capture itself was held up, and counts what went past meanwhile", async () => {
    await lab.proxy("a");
    const capture = lab.capture();
    await lab.opened("a");
    capture.signal("SIGSTOP");
    await until("a connection goes past", async () => (await lab.ask()) === "backend");
    assert.equal(await lab.ask(), "backend");
    capture.signal("SIGCONT");
    // Whether its own canaries are back before it decides is chance.
    await until(
      "it says so",
      () => /"because":"capture itself was held up|past the proxy for a moment/.test(capture.said),
      () => capture.said,
    );
    await lab.opened("a");
    assert.ok((lab.report()?.pastTotal ?? 0) >= 2, JSON.stringify(lab.report()));
    assert.equal(await lab.ask(), `a ${SERVICE.anyIp4}`);
  });

  it("goes by turns to one half of its sets, and takes a port out of both when its proxy is gone", async () => {
    const [first, second] = [await lab.proxy("a"), await lab.proxy("b")];
    lab.capture();
    await lab.opened("b");
    const [a, b] = [portOf(first), portOf(second)];
    const left = (port: number): readonly number[] => ["alive", "alive2"].map((set) => leftMs(set, port));
    await until("one was renewed half a second before the other", () =>
      [a, b].every((port) => {
        const [one = 0, two = 0] = left(port);
        return one > 0 && two > 0 && Math.abs(one - two) > 500;
      }),
    );
    await second.end("SIGKILL");
    await lab.opened("a");
    await until(
      "b's port is in neither",
      () => left(b).every((ms) => ms === 0) && left(a).every((ms) => ms > 0),
      () => lab.table(),
    );
  });

  /** @returns how long the kernel still has a port in a set, in milliseconds; 0: not at all. */
  function leftMs(set: string, port: number): number {
    const listed = lab.node.run("nft", ["list", "set", "inet", "isobar", set]);
    const [, s = "0", ms = "0"] =
      new RegExp(`\\b${port} .*?expires (?:(\\d+)s)?(?:(\\d+)ms)?`).exec(listed) ?? [];
    return Number(s) * 1_000 + Number(ms);
  }
});

/** Puts an nft before the node's own that can be slow, for programs started from now on. */
function slowNft(): { slow(): void; fast(): void } {
  const folder = mkdtempSync(join(tmpdir(), "isobar-slow-nft-"));
  const mark = join(folder, "slow");
  const { PATH = "" } = process.env;
  writeFileSync(
    join(folder, "nft"),
    `#!/bin/sh\nPATH="${PATH}:/usr/sbin:/sbin"\n[ -e "${mark}" ] && sleep ${SLOW_NFT_SECONDS}\nexec nft "$@"\n`,
    { mode: 0o755 },
  );
  process.env["PATH"] = `${folder}:${PATH}`;
  after(() => {
    process.env["PATH"] = PATH;
    rmSync(folder, { recursive: true });
  });
  return { slow: () => writeFileSync(mark, ""), fast: () => rmSync(mark) };
}

function portOf(proxy: Driven): number {
  return Number(/port (\d+)/.exec(proxy.lines.join("\n"))?.[1]);
}
