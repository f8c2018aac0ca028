import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { AttackReport } from "./attacker/attack.ts";
import type { AttackName } from "./attacker/attacks.ts";
import { SHARED } from "./clusters.ts";
import { Innocent } from "./harness/innocent.ts";
import { Measurer } from "./harness/measurement.ts";
import { missingTools } from "./harness/programs.ts";
import { Stage } from "./harness/stage.ts";

const TIMEOUT_MS = 1_000;
const BODY_OCTETS = 40_000;
const CALLER_CONNECTIONS = 600;
/** The sweep that finds slow connections, and a machine that is busy. */
const LATE_MS = 4_000;

const missing = missingTools();

/** Limits that have a value to set, with values short enough to wait for. */
describe("configured limits", { skip: missing === "" ? false : missing }, () => {
  let stage: Stage;
  let measurer: Measurer;
  let nextSource = 120;

  before(async () => {
    stage = await Stage.set([
      "limits:",
      `  handshakeTimeoutMs: ${TIMEOUT_MS}`,
      `  requestHeadersTimeoutMs: ${TIMEOUT_MS}`,
      `  maxRequestBodyOctets: ${BODY_OCTETS}`,
      `  perCaller: { connections: ${CALLER_CONNECTIONS} }`,
    ]);
    measurer = new Measurer(stage);
    await measurer.solo();
  });
  after(() => stage?.[Symbol.asyncDispose]());

  /** Attacks until `enough`, at the longest as long as limits may take; the innocent must not have noticed. */
  async function attackUntil(
    attack: AttackName,
    enough: (report: AttackReport) => boolean,
  ): Promise<AttackReport> {
    await stage.attack(attack, `127.0.0.${nextSource++}`);
    stage.innocent.open();
    const until = performance.now() + TIMEOUT_MS + LATE_MS;
    while (performance.now() < until && !enough(await stage.reportAttack())) await sleep(50);
    const { window } = await stage.innocent.close();
    assert.equal(window.failed + window.lost, 0, stage.innocent.complaints);
    return stage.stopAttack();
  }

  const closed = ({ closes }: AttackReport): number =>
    Object.values(closes).reduce((sum, count) => sum + count, 0);

  for (const attack of ["half-open", "half-preface"] as const) {
    it(`ends connections without a whole preface (${attack}), and none before their time`, async () => {
      const report = await attackUntil(attack, (so) => closed(so) >= 500);
      assert.ok(closed(report) >= 500, JSON.stringify(report));
      assert.ok(report.longestMs >= TIMEOUT_MS, `${report.longestMs} ms`);
    });
  }

  it("ends connections whose headers come octet by octet with ENHANCE_YOUR_CALM", async () => {
    const report = await attackUntil("slow-headers", (so) => closed(so) >= 200);
    const { ENHANCE_YOUR_CALM = 0, ...others } = report.closes;
    assert.ok(ENHANCE_YOUR_CALM >= 200, JSON.stringify(report));
    assert.deepEqual(others, {});
    assert.ok(report.longestMs >= TIMEOUT_MS, `${report.longestMs} ms`);
  });

  it("lets one caller have so many connections and no more, and ends none of them for being idle", async () => {
    await stage.attack("idle-connections", `127.0.0.${nextSource++}`);
    await sleep(TIMEOUT_MS + LATE_MS);
    const { samples } = await stage.proxy.usage();
    const report = await stage.stopAttack();
    // The innocent has one.
    assert.equal(samples.get('isobar_downstream_connections{protocol="h2c"}'), CALLER_CONNECTIONS + 1);
    assert.ok(closed(report) + report.refused >= 50, JSON.stringify(report));
    const other = new Innocent(stage.proxy.port, SHARED);
    other.open();
    await sleep(500);
    const { window } = await other.close();
    await other.stop();
    assert.ok(window.answered > 0 && window.failed + window.lost === 0, other.complaints);
  });

  it("answers bodies above the limit itself, and lets no endpoint finish them", async () => {
    const before = await stage.endpointCounts();
    const report = await attackUntil("body-above-limit", (so) => so.answers >= 100);
    const after = await stage.endpointCounts();
    assert.ok(report.answers >= 100, JSON.stringify(report));
    assert.equal(after.requests - after.innocents, before.requests - before.innocents);
    assert.deepEqual(report.closes, {});
  });
});
