import assert from "node:assert/strict";
import { test } from "node:test";
import { formatConfigProblem } from "../../src/config/config-problem.ts";
import { parseConfig } from "../../src/config/parse-config.ts";

const OPTIONS = { file: "f.yaml", env: {} };
const LISTENERS = "listeners: [{ name: a, address: 127.0.0.1:1 }]\n";

test("nothing is recorded, and nobody may ask, where the file says nothing", () => {
  const { config } = parseConfig(LISTENERS, OPTIONS);
  assert.deepEqual(config?.explain, { sample: 0, ring: 4096, allowedSources: [] });
});

test("shares, sizes and sources that cannot be are refused with their places", () => {
  const cases: readonly [string, RegExp][] = [
    ["{ sample: 1.5 }", /explain\.sample: found .*1\.5.*, wanted a number from 0 to 1/],
    ["{ sample: 1% }", /explain\.sample: found "1%", wanted a number from 0 to 1/],
    ["{ ring: 10 }", /explain\.ring: found .*10.*, wanted a whole number from 64 to 262,144/],
    [
      "{ allowedSources: [10.0.0.1/8] }",
      /explain\.allowedSources\[0\]: found "10\.0\.0\.1\/8", wanted an address, a range/,
    ],
    ["{ allowedSources: [everybody] }", /explain\.allowedSources\[0\]: found "everybody", .*or "unix"/],
    ["{ sampling: 1 }", /explain\.sampling: found the unknown key "sampling"/],
  ];
  for (const [section, wanted] of cases) {
    const { config, problems } = parseConfig(`${LISTENERS}explain: ${section}\n`, OPTIONS);
    assert.equal(config, undefined, section);
    assert.match(problems!.map(formatConfigProblem).join("\n"), wanted);
  }
  const { config } = parseConfig(
    `${LISTENERS}explain: { sample: 0.01, allowedSources: [10.0.0.0/8, "fd00::/8", unix] }\n`,
    OPTIONS,
  );
  assert.deepEqual(config?.explain.allowedSources, ["10.0.0.0/8", "fd00::/8", "unix"]);
});
