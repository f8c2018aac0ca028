import assert from "node:assert/strict";
import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { loadConfig } from "../../src/config/load-config.ts";
import { loadConfigApart } from "../../src/config/load-config-apart.ts";
import type { ParsedConfig } from "../../src/config/parse-config.ts";

let folder = "";

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "isobar-policies-"));
});

after(() => rm(folder, { recursive: true }));

async function load(policy: string, source?: string, read = loadConfig): Promise<ParsedConfig> {
  const file = join(folder, "isobar.yaml");
  if (source !== undefined) await writeFile(join(folder, policy), source);
  await writeFile(
    file,
    `listeners: [{ name: in, address: "127.0.0.1:0" }]
clusters:
  - name: echo:1
    loadBalancer: { policy: "module:./${policy}" }
    endpoints: [{ address: "127.0.0.1:9" }]
`,
  );
  return read(file, {});
}

function problemOf(parsed: ParsedConfig): string {
  assert.equal(parsed.problems?.length, 1, JSON.stringify(parsed));
  const { path, found, line } = parsed.problems[0]!;
  assert.equal(path, "clusters[0].loadBalancer.policy");
  assert.equal(line, 4);
  return found;
}

test("the policy of the examples passes, and is named by its place and its content", async () => {
  await copyFile(new URL("../../examples/policies/prefer-warm.ts", import.meta.url), join(folder, "warm.ts"));
  for (const read of [loadConfig, loadConfigApart]) {
    const { config } = await load("warm.ts", undefined, read);
    assert.match(
      config?.clusters[0]?.loadBalancer.policy ?? "",
      /^module:file:\/\/\/.*warm\.ts\?v=[0-9a-f]{16}$/,
    );
  }
});

test("what a policy prints is not taken for the configuration", async () => {
  const source = `console.log("{}");\nexport const createPicker = (c) => ({ pick: (r) => { for (let i = 0; i < c.count; i++) if (!r.tried.subarray(0, r.triedCount).includes(c.slots[i])) return i; return c.count - 1; } });`;
  const { config } = await load("loud.js", source, loadConfigApart);
  assert.ok(config !== undefined);
});

for (const [name, source, wanted] of [
  ["missing", undefined, /no such file/i],
  ["wrong-syntax", "export const createPicker = (", /cannot be loaded/],
  ["no-policy", "export const pick = 1;", /exports no createPicker/],
  [
    "throws",
    "export const createPicker = () => ({ pick() { throw new Error('oops'); } });",
    /throws Error: oops/,
  ],
  ["nonsense", "export const createPicker = () => ({ pick: () => 7.5 });", /7\.5, which is no index/],
  ["stubborn", "export const createPicker = (c) => ({ pick: () => c.count - 1 });", /given again/],
  [
    "moody",
    "export const createPicker = (c) => ({ pick: (r) => c.count < 2 || r.triedCount ? c.count - 1 : Math.floor(Math.random() * c.count) });",
    /repetition/,
  ],
  [
    "greedy",
    "export const createPicker = (c) => ({ pick(r, loads) { loads.load(99, 0); return c.count - 1; } });",
    /no candidate has that slot/,
  ],
] as const) {
  test(`a policy that is wrong (${name}) is refused with its place and the reason`, async () => {
    assert.match(problemOf(await load(`${name}.js`, source)), wanted);
  });
}

test("a policy that takes too long is refused", async () => {
  const source = `import { createPicker as policy } from ${JSON.stringify(join(folder, "warm.ts"))};
export const createPicker = (c, s) => { const own = policy(c, s); return { pick(...all) { const end = performance.now() + 0.1; while (performance.now() < end); return own.pick(...all); } }; };`;
  assert.match(problemOf(await load("slow.js", source)), /takes at most 20 µs/);
});
