import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { SeededRandom } from "../../src/base/random.ts";
import type { ServiceFacts } from "../../src/cli/simulate/one-service.ts";
import type { SizeResult } from "../../src/cli/simulate/size-service.ts";
import { drawExponential } from "../../src/sim/service-model.ts";
import { Child } from "../clients/harness/child.ts";
import { REPOSITORY } from "../clients/harness/paths.ts";
import type { Series } from "./harness/recorded-prometheus.ts";
import { missingPrometheus, RecordedPrometheus } from "./harness/recorded-prometheus.ts";

const folder = mkdtempSync(join(tmpdir(), "isobar-size-"));
after(() => rmSync(folder, { recursive: true }));

const { CI = "" } = process.env;
const missing = missingPrometheus();
if (missing !== undefined && CI !== "") throw new Error(missing);

type Sized = ServiceFacts & { readonly sizes: readonly SizeResult[] };

function size(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const launcher = `${REPOSITORY}/src/cli/launch.mjs`;
  const command = { command: process.execPath, args: [launcher, "simulate", "--size"] };
  return new Child(command, args).waitForEnd(120_000);
}

/** 8,000 requests, 400 a second, of 20 ms on average: 8 are served at all times. */
function recording(name: string, callers?: number): string {
  const random = new SeededRandom(5);
  let now = 0;
  const lines = Array.from({ length: 8_000 }, (_, i) => {
    const line = `${now.toFixed(3)},${(20 * drawExponential(random)).toFixed(3)}`;
    now += 2.5 * drawExponential(random);
    return callers === undefined ? line : `${line},${i % callers}`;
  });
  const file = join(folder, name);
  writeFileSync(file, `# arrival,service\n${lines.join("\n")}\n`);
  return file;
}

function parse(stdout: string): { sized: Sized; by: (policy: string) => SizeResult } {
  const sized = JSON.parse(stdout) as Sized;
  return { sized, by: (policy) => sized.sizes.find((each) => each.policy === policy)! };
}

describe("simulate --size of a recording", { timeout: 240_000 }, () => {
  it("finds for each policy how many endpoints keep a p99, with what single seeds say", async () => {
    const page = join(folder, "page.html");
    const args = ["--recording", recording("a.csv"), "--target", "250", "--seeds", "3"];
    const { code, stdout, stderr } = await size(...args, "-o", "json", "--html", page);
    assert.equal(code, 0, stderr);
    assert.equal(stderr, "");
    const { sized, by } = parse(stdout);
    assert.ok(Math.abs(sized.requestsServed - 8) < 0.5, stdout);
    assert.equal(sized.connections, 100);
    for (const each of sized.sizes) {
      assert.ok(each.needed >= 8 && each.p99Ms <= 250, JSON.stringify(each));
      assert.ok(each.range.from <= each.needed + 1 && each.needed <= each.range.to + 1, JSON.stringify(each));
      assert.ok(each.busiest > 0.2 && each.busiest <= 1, JSON.stringify(each));
    }
    assert.ok(by("oracle").needed < by("least_request").needed, stdout);
    assert.ok(by("least_request, subset of 5").needed < by("random").needed, stdout);
    assert.ok(by("random").needed < by("per connection").needed, stdout);
    assert.match(readFileSync(page, "utf8"), /<pre>endpoints for a p99 of 250 ms at 1 times/);
    assert.equal((await size(...args, "--json")).stdout, stdout, "the same file and seed, the same octets");
  });

  it("needs more at a peak, for a busiest endpoint, and says what it took to be so", async () => {
    const file = recording("b.csv", 30);
    const args = ["--recording", file, "--utilization", "70%", "--servers", "4", "--seeds", "2"];
    const plain = await size(...args, "--buffer", "50%");
    assert.equal(plain.code, 0, plain.stderr);
    const first = plain.stdout.split("\n");
    assert.match(
      first[0]!,
      /b\.csv: \d{3} requests\/s of (19|20|21)\.?\d* ms on average.*: [78]\.\d+ served/,
    );
    assert.match(first[1]!, /4 at a time .* 30 connections \(--connections\) from 30 nodes .*; 2 seeds$/);
    assert.match(
      plain.stdout,
      /^endpoints for a busiest endpoint at 70 % at 1 times the traffic, buffer 50 %$/m,
    );
    const atPeak = parse((await size(...args, "--peak", "3", "-o", "json")).stdout);
    const now = parse((await size(...args, "-o", "json")).stdout);
    for (const { policy, needed, busiest } of now.sized.sizes) {
      if (policy === "per connection") continue;
      assert.ok(busiest <= 0.7 && needed >= 3, policy);
      assert.ok(atPeak.by(policy).needed >= 2 * needed, policy);
    }
    assert.ok(
      now.by("per connection").needed > now.by("least_request").needed,
      "30 connections fall unevenly",
    );
  });

  it("ends with 1 when no number of endpoints keeps it, and says what the work itself takes", async () => {
    const { code, stdout, stderr } = await size(
      "--recording",
      recording("c.csv"),
      "--target",
      "20",
      "--seeds",
      "1",
    );
    assert.equal(code, 1);
    assert.match(stdout, /least_request .* never +never +never/);
    assert.match(stderr, /of the requests' own work p99 is \d+\.\d ms/);
  });

  it("takes a scenario's trace at its own pace, too", async () => {
    recording("own.csv");
    const file = join(folder, "own.yaml");
    const policies = "policies: [{ name: random, loadBalancer: { policy: random } }]";
    const times = "seeds: 2\ndurationMs: 19000\nwarmupMs: 2000\nwindowMs: 1000";
    writeFileSync(
      file,
      `${times}\nendpoints: [{ count: 12 }]\ncallers: [{ count: 4 }]\ntraffic: { trace: own.csv }\n${policies}\n`,
    );
    const { code, stdout, stderr } = await size(file, "--target", "250", "-o", "json");
    assert.equal(code, 0, stderr);
    const [random] = JSON.parse(stdout) as SizeResult[];
    assert.ok(Math.abs(random!.load - 8 / 12) < 0.05 && random!.needed > 8, stdout);
  });

  it("refuses what it cannot do, with what was found and what is wanted", async () => {
    const short = join(folder, "short.csv");
    writeFileSync(short, "0,1\n5,1\n");
    const cases: readonly (readonly [readonly string[], RegExp])[] = [
      [[], /^--size: found nothing to size, wanted one of a scenario file, --recording FILE/],
      [["some.yaml", "--recording", short], /^--size: found some.yaml and .*short.csv, wanted one of/],
      [["--recording", short], /found 2 requests, wanted 1000 or more/],
      [["--recording", join(folder, "none.csv")], /none.csv: found ENOENT, wanted the trace/],
      [["--prometheus", "http://127.0.0.1:1"], /^--service: found nothing, wanted namespace\/name/],
      [["--prometheus", "x", "--service", "a/b"], /^--prometheus: found "x", wanted its address/],
      [["--recording", short, "--utilization", "120%"], /Found "120%", wanted a percentage above 0/],
    ];
    for (const [args, message] of cases) {
      const { code, stderr, stdout } = await size(...args);
      assert.equal(code, 64, `${args.join(" ")}: ${stdout}`);
      assert.match(stderr, message);
    }
  });
});

/** Four Pods of 50 requests a second: half take up to 10 ms, all but a hundredth up to 100, 20 on average. */
function histogramSeries(): Series[] {
  const metric = "grpc_server_handling_seconds";
  const cumulative = { 0.005: 10, 0.01: 25, 0.025: 40, 0.1: 49.5, 0.5: 50, "+Inf": 50 };
  return [..."bcdf"].flatMap((letter) => {
    const labels = { namespace: "shop", pod: `cart-7c9f8b6d5d-xx${letter}2z`, grpc_method: "Get" };
    return [
      ...Object.entries(cumulative).map(([le, rate]) => ({
        metric: `${metric}_bucket`,
        labels: { ...labels, le },
        rate,
      })),
      { metric: `${metric}_count`, labels, rate: 50 },
      { metric: `${metric}_sum`, labels, rate: 1 },
    ];
  });
}

describe("simulate --size of what a Prometheus has", { skip: missing ?? false, timeout: 120_000 }, () => {
  let prometheus: RecordedPrometheus;

  before(async () => {
    prometheus = await RecordedPrometheus.start(histogramSeries());
  });
  after(() => prometheus?.[Symbol.asyncDispose]());

  it("takes the service's rate, times and Pods from it", async () => {
    const from = ["--prometheus", prometheus.url, "--service", "shop/cart", "--window", "20m"];
    const { code, stdout, stderr } = await size(
      ...from,
      "--servers",
      "2",
      "--target",
      "300",
      "--seeds",
      "1",
      "-o",
      "json",
    );
    assert.equal(code, 0, stderr);
    const { sized, by } = parse(stdout);
    assert.ok(Math.abs(sized.requestsPerSecond - 200) < 10, stdout);
    assert.ok(Math.abs(sized.meanMs - 20) < 0.5, stdout);
    // The lognormal distribution of that mean whose p99 is ten times its median.
    assert.ok(Math.abs(sized.workP99Ms - 20 * Math.exp(Math.log(10) - 0.49)) < 5, stdout);
    assert.equal(sized.endpoints, 4);
    assert.ok(by("least_request").needed >= 2 && by("least_request").needed <= by("random").needed, stdout);
  });

  it("says what it looks for where there is nothing of the service, or nobody answers", async () => {
    const none = await size("--prometheus", prometheus.url, "--service", "shop/gone");
    assert.equal(none.code, 69, none.stdout);
    assert.match(
      none.stderr,
      /has no times of shop\/gone in the last 1h: wanted one of grpc_server_handling_seconds_bucket/,
    );
    const gone = await size("--prometheus", "http://127.0.0.1:1", "--service", "shop/cart");
    assert.equal(gone.code, 69, gone.stdout);
    assert.match(gone.stderr, /^no Prometheus answers at /);
  });
});
