import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { describeSoak, judgeSoak } from "./judge-soak.ts";
import { SmallBuffers } from "./small-buffers.ts";
import { soak } from "./soak.ts";

const { CI, ISOBAR_SOAK_SEED = "1" } = process.env;
const seed = Number(ISOBAR_SOAK_SEED);
const MILLISECONDS = 15_000;
/** Of a run whose sockets take writes in parts; the plain run of the same length has hardly any. */
const LEAST_KEPT_SHARE = 0.6;

function namespaces(): string | false {
  const network = SmallBuffers.create();
  network?.remove();
  return network === undefined ? "network namespaces take Linux and root" : false;
}

/** Whether a complaint names an octet that was another stream's, rather than octets or ends that are missing. */
function isOctet(complaint: string): boolean {
  return /: octet \d+ of /.test(complaint);
}

describe("soak", () => {
  const without = namespaces();
  const skip = CI === undefined ? without : false;

  it("leaves nothing behind, and no octet in a foreign stream", async (t) => {
    const report = await soak({ seed, milliseconds: MILLISECONDS, smallBuffers: false });
    for (const line of describeSoak(report)) t.diagnostic(line);
    assert.deepEqual(judgeSoak(report), []);
  });

  it("nor where the kernel takes most writes in parts", { skip }, async (t) => {
    const report = await soak({ seed: seed + 1, milliseconds: MILLISECONDS, smallBuffers: true });
    for (const line of describeSoak(report)) t.diagnostic(line);
    assert.deepEqual(judgeSoak(report), []);
    const { before, after } = report;
    const share = (after.keptWrites - before.keptWrites) / (after.writes - before.writes);
    assert.ok(
      share >= LEAST_KEPT_SHARE,
      `only ${Math.round(share * 100)} % of the writes were taken in parts`,
    );
  });

  it("finds a proxy that recycles blocks before they are written", { skip }, async (t) => {
    const faulty = { seed: seed + 2, milliseconds: 4000, smallBuffers: true, recycleEarly: true };
    const report = await soak(faulty).catch((error: Error) => error);
    if (report instanceof Error) return t.diagnostic(`found: ${report.message}`);
    const foreign = [...report.clients, report.backends].flatMap((each) => each.foreign).filter(isOctet);
    for (const each of foreign.slice(0, 5)) t.diagnostic(`found: ${each}`);
    assert.ok(foreign.length > 0, "a fault that mixes streams up was not found");
  });
});
