import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const launcher = fileURLToPath(new URL("../../src/cli/launch.mjs", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "isobar-"));
after(() => rmSync(folder, { recursive: true }));

function simulate(...args: string[]): { code: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [launcher, "simulate", ...args], {
    encoding: "utf8",
  });
  return { code: status, stdout, stderr };
}

function fileWith(text: string, name = "scenario.yaml"): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

const SMALL = `
seeds: 2
durationMs: 6000
warmupMs: 1000
windowMs: 1000
endpoints: [{ count: 20 }]
callers: [{ count: 4 }]
traffic: { load: [0.5, 0.8] }
policies:
  - { name: random, loadBalancer: { policy: random } }
  - { name: least, loadBalancer: { policy: least_request } }
  - { name: oracle, kind: oracle }
`;

describe("isobar simulate", () => {
  it("prints a table per load, and ends with 0", () => {
    const { code, stdout, stderr } = simulate(fileWith(SMALL));
    assert.equal(code, 0, stderr);
    for (const part of ["load 0.5", "load 0.8", "p99 ms", "random", "least", "oracle"]) {
      assert.ok(stdout.includes(part), part);
    }
    assert.equal(stderr, "");
  });

  it("prints the same octets for the same seed, and others for another", () => {
    const file = fileWith(SMALL);
    const first = simulate(file, "--json").stdout;
    assert.equal(simulate(file, "--json").stdout, first);
    assert.notEqual(simulate(file, "--json", "--seed", "9").stdout, first);
    const { cases } = JSON.parse(first) as {
      cases: { policies: { p99: { mean: number; bySeed: number[] } }[] }[];
    };
    assert.equal(cases.length, 2);
    assert.equal(cases[1]!.policies[0]!.p99.bySeed.length, 2);
    assert.ok(cases[1]!.policies[0]!.p99.mean > cases[1]!.policies[2]!.p99.mean);
  });

  it("says what was expected and did not come out, and ends with 1", () => {
    const expect = `expect:
  - { policy: random, measure: p99, of: oracle, atMost: 1 }
  - { policy: least, measure: gapClosed, from: random, of: oracle, atLeast: 0.1 }
`;
    const { code, stdout, stderr } = simulate(fileWith(SMALL + expect));
    assert.equal(code, 1);
    assert.match(stdout, /MISS random: p99 \/ oracle: \d+\.\d+ ± \d+\.\d+, wanted at most 1\n/);
    assert.match(stdout, /met {2}least: gapClosed of random → oracle/);
    assert.match(stderr, /scenario.yaml: 2 of what it expects did not come out\n$/);
  });

  it("writes a page that needs nothing but itself", () => {
    const page = join(folder, "page.html");
    const { code, stderr } = simulate(fileWith(SMALL), "--html", page);
    assert.equal(code, 0, stderr);
    const html = readFileSync(page, "utf8");
    assert.match(html, /^<!doctype html>/);
    assert.ok((html.match(/<svg viewBox/g) ?? []).length >= 7, "plots over loads and for each load");
    assert.match(html, /prefers-color-scheme: dark/);
    assert.doesNotMatch(html, /<script|<link|src=|href=|url\(|NaN|Infinity/);
  });

  it("plays a recorded trace", () => {
    const lines = Array.from({ length: 3_000 }, (_, i) => `${i * 2},${5 + (i % 7)},${i % 4}`);
    fileWith(["# arrival,service,caller", ...lines].join("\n"), "trace.csv");
    const { code, stdout, stderr } = simulate(
      fileWith(SMALL.replace("load: [0.5, 0.8]", "trace: trace.csv")),
    );
    assert.equal(code, 0, stderr);
    assert.ok(stdout.startsWith("as recorded"), stdout);
  });

  it("finds how many endpoints each policy needs", () => {
    const page = join(folder, "sizes.html");
    const { code, stdout, stderr } = simulate(
      fileWith(SMALL.replace("load: [0.5, 0.8]", "load: [0.8]")),
      ...["--size", "--target", "60", "--peak", "1.2", "--buffer", "25%", "--json", "--html", page],
    );
    assert.equal(code, 0, stderr);
    assert.match(
      readFileSync(page, "utf8"),
      /<pre>endpoints for a p99 of 60 ms at 1.2 times the traffic, buffer 25 %/,
    );
    const sizes = JSON.parse(stdout) as {
      policy: string;
      needed: number;
      recommended: number;
      p99Ms: number;
    }[];
    const neededBy = (policy: string) => sizes.find((size) => size.policy === policy)!.needed;
    // 20 endpoints × 0.8 × 1.2 is 19.2 at full use.
    assert.ok(neededBy("oracle") >= 20 && neededBy("oracle") <= neededBy("least"), stdout);
    assert.ok(neededBy("least") < neededBy("random"), stdout);
    for (const size of sizes) {
      assert.equal(size.recommended, Math.ceil(size.needed * 1.25));
      assert.ok(size.p99Ms <= 60);
    }
  });

  it("draws the curve of endpoints that balancing per connection needs", () => {
    const pods = `  - { name: pinned, kind: per_connection }
pods: { reference: least, policy: pinned, channels: [1, 20], clientsPerEndpoint: [1], seeds: 1 }
`;
    const page = join(folder, "curve.html");
    const { code, stdout, stderr } = simulate(
      fileWith(SMALL.replace("[0.5, 0.8]", "[0.5]") + pods),
      ...["--json", "--html", page],
    );
    assert.equal(code, 0, stderr);
    assert.match(readFileSync(page, "utf8"), /<figcaption>Endpoints saved at load 0.5/);
    const curve = (JSON.parse(stdout) as { pods: { channels: number; needed: number | null }[] }).pods;
    assert.deepEqual(
      curve.map(({ channels }) => channels),
      [1, 20],
    );
    const [one, twenty] = curve.map(({ needed }) => needed ?? Number.POSITIVE_INFINITY);
    assert.ok(one! > twenty! && twenty! >= 20, stdout);
  });
});

describe("a bad scenario is refused with its place, what was found and what is wanted", () => {
  const cases: readonly [string, string, RegExp][] = [
    [
      "an unknown key",
      SMALL.replace("durationMs", "durationMz"),
      /:3:1: durationMz: found the unknown key "durationMz", .*did you mean "durationMs"/,
    ],
    [
      "no load and no trace",
      SMALL.replace("load: [0.5, 0.8]", ""),
      /traffic: found .*, wanted a mapping with load or trace/,
    ],
    [
      "a policy that is not there",
      SMALL.replace("policy: random", "policy: rnadom"),
      /policies\[0\].loadBalancer.policy: found "rnadom"/,
    ],
    [
      "two policies of one name",
      SMALL.replace("name: least", "name: random"),
      /policies\[1\].name: found "random", wanted a name that no other/,
    ],
    [
      "an expectation of nobody",
      `${SMALL}expect: [{ policy: nobody, measure: p99, atMost: 1 }]`,
      /expect\[0\].policy: found "nobody"/,
    ],
    [
      "no proxy of ours",
      SMALL.replace("callers: [{ count: 4 }]", "callers: [{ count: 4, kind: random }]"),
      /callers: found none/,
    ],
    [
      "a warm-up without end",
      SMALL.replace("warmupMs: 1000", "warmupMs: 6000"),
      /warmupMs: found 6000, wanted less than durationMs/,
    ],
    ["an event after the end", `${SMALL}events: [{ atMs: 7000, speed: 1 }]`, /events\[0\].atMs: found 7000/],
    [
      "a trace that is not there",
      SMALL.replace("load: [0.5, 0.8]", "trace: none.csv"),
      /none.csv: found ENOENT, wanted the trace/,
    ],
    [
      "too large a fleet",
      SMALL.replace("count: 4 ", "count: 100000 ").replace("count: 20", "count: 16384"),
      /found 1638400000, wanted at most/,
    ],
    ["what is no YAML", "a: [", /found invalid YAML/],
  ];
  for (const [name, text, message] of cases) {
    it(name, () => {
      const { code, stderr, stdout } = simulate(fileWith(text));
      assert.equal(code, 64, stdout);
      assert.match(stderr, message);
      assert.doesNotMatch(stderr, /\n {4}at /);
    });
  }
});
