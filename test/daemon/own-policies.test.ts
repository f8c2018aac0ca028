import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { SeededRandom } from "../../src/base/random.ts";
import { policyVersion } from "../../src/config/policy-version.ts";
import { OwnPolicies } from "../../src/daemon/own-policies.ts";
import { plainCandidates, plainRequest } from "../../src/lb/conformance/conformance-subject.ts";
import type { PolicyDropReason } from "../../src/lb/module/policy-watch.ts";
import { LOAD_BALANCING_DEFAULTS } from "../../src/resource/load-balancing.ts";
import { RecordedLoads } from "../lb/pick-fixture.ts";

const CANDIDATES = plainCandidates([1, 1, 1]);

/** Loads a policy of this source. @returns its picker once it is there, and what became of it. */
const loaded = (source: string) => loadedFrom(`data:text/javascript,${encodeURIComponent(source)}`);

async function loadedFrom(url: string) {
  const policy = `module:${url}` as const;
  const settings = { ...LOAD_BALANCING_DEFAULTS, policy };
  const dropped: [PolicyDropReason, string][] = [];
  const settled = Promise.withResolvers<void>();
  const policies = new OwnPolicies({
    onChanged: () => settled.resolve(),
    onDropped: (_policy, reason, detail) => {
      dropped.push([reason, detail]);
      settled.resolve();
    },
  });
  assert.equal(policies.create(settings, CANDIDATES), undefined, "it serves before it is loaded");
  await settled.promise;
  const picker = policies.create(settings, CANDIDATES);
  const random = new SeededRandom(1);
  const loads = new RecordedLoads();
  const pick = (sequence = 0, tried: number[] = []): number =>
    picker?.pick(plainRequest(sequence, tried), loads, random, 0) ?? -1;
  return { policies, settings, picker, dropped, pick };
}

test("a policy serves once it is loaded", async () => {
  const { pick, dropped } = await loaded("export const createPicker = () => ({ pick: () => 2 });");
  assert.deepEqual([pick(), pick(), pick()], [2, 2, 2]);
  // It may not send a request again to where it was, nor is it dropped for that.
  assert.notEqual(pick(0, [CANDIDATES.slots[2]!]), 2);
  assert.deepEqual(dropped, []);
});

for (const [name, source, reason, detail] of [
  [
    "throws",
    "export const createPicker = () => ({ pick() { throw new Error('oops'); } });",
    "throws",
    /oops/,
  ],
  ["gives no candidate", "export const createPicker = () => ({ pick: () => 3 });", "nonsense", /gave 3/],
] as const) {
  test(`a policy that ${name} is dropped at that pick, which least_request makes`, async () => {
    const { policies, settings, pick, dropped } = await loaded(source);
    for (let i = 0; i < 50; i++) assert.ok([0, 1, 2].includes(pick(i)));
    assert.equal(dropped.length, 1);
    assert.equal(dropped[0]![0], reason);
    assert.match(dropped[0]![1], detail);
    assert.equal(policies.create(settings, CANDIDATES), undefined);
  });
}

test("a policy whose picks take over 20 µs by the median is dropped, one that pauses now and then is not", async () => {
  const busy = (us: string) =>
    `let n = 0; export const createPicker = () => ({ pick() { const end = performance.now() + ${us} / 1000; while (performance.now() < end); return 1; } });`;
  const slow = await loaded(busy("60"));
  for (let i = 0; i < 32 * 100; i++) slow.pick(i);
  assert.equal(slow.dropped[0]?.[0], "slow");
  const pausing = await loaded(busy("(n++ % 320 === 0 ? 3000 : 0)"));
  for (let i = 0; i < 32 * 140; i++) pausing.pick(i);
  assert.deepEqual(pausing.dropped, []);
});

test("a policy's file that has changed since it was judged does not serve, in the place of a dead thread for one", async () => {
  const folder = await mkdtemp(join(tmpdir(), "isobar-own-policy-"));
  const file = join(folder, "own.mjs");
  const good = "export const createPicker = () => ({ pick: () => 2 });";
  await writeFile(file, good);
  const url = `${pathToFileURL(file).href}?v=${policyVersion(Buffer.from(good))}`;
  const before = await loadedFrom(url);
  assert.equal(before.pick(), 2);
  await writeFile(file, "export const createPicker = () => ({ pick: () => 1 });");
  const after = await loadedFrom(url);
  assert.equal(after.picker, undefined, "least_request serves");
  assert.equal(after.dropped[0]?.[0], "load");
  assert.match(after.dropped[0]![1], /has changed since it was judged/);
  assert.equal(before.pick(), 2, "who has it keeps it");
  await rm(folder, { recursive: true });
});

test("a policy that cannot be loaded is dropped, and so is one without createPicker", async () => {
  assert.equal((await loaded("export const createPicker = (")).dropped[0]?.[0], "load");
  assert.match((await loaded("export const pick = 1;")).dropped[0]![1], /no createPicker/);
});
