import assert from "node:assert/strict";

/** One sample of a parsed exposition. */
export interface ParsedSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** One metric of a parsed exposition. */
export interface ParsedMetric {
  readonly type: string;
  readonly help: string;
  readonly samples: ParsedSample[];
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/y;

/**
 * Reads Prometheus text and asserts its rules: HELP and TYPE once and before the samples, all samples of a metric
 * together, no sample twice, names and labels well formed, histograms whole and cumulative, a newline at the end.
 *
 * Source: prometheus.io/docs/instrumenting/exposition_formats, text format 0.0.4.
 */
export function parseExposition(text: string): Map<string, ParsedMetric> {
  assert.ok(text.endsWith("\n"));
  const metrics = new Map<string, ParsedMetric>();
  const seen = new Set<string>();
  let current: { name: string; help: string } | undefined;
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const [, keyword, name, rest] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (keyword === "HELP") {
      assert.ok(!metrics.has(name!), `${name} is described twice`);
      current = { name: name!, help: rest! };
    } else if (keyword === "TYPE") {
      assert.equal(current?.name, name, "TYPE comes after its HELP");
      assert.match(name!, NAME);
      metrics.set(name!, { type: rest!, help: current!.help, samples: [] });
    } else {
      const sample = parseSample(line);
      const metric = metrics.get(current!.name)!;
      const suffixes = metric.type === "histogram" ? ["_bucket", "_sum", "_count"] : [""];
      const names = suffixes.map((suffix) => current!.name + suffix);
      assert.ok(names.includes(sample.name), `${line} stands among the samples of ${current!.name}`);
      const identity = line.slice(0, line.lastIndexOf(" "));
      assert.ok(!seen.has(identity), `${identity} is emitted twice`);
      seen.add(identity);
      metric.samples.push(sample);
    }
  }
  for (const [name, metric] of metrics)
    if (metric.type === "histogram") assertHistogram(name, metric.samples);
  return metrics;
}

function parseSample(line: string): ParsedSample {
  const [, name, labelText = "", value] = /^([^\s{]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
  assert.match(name ?? line, NAME);
  assert.match(value!, /^([+-]?\d+(\.\d+)?(e[+-]?\d+)?|[+-]Inf|NaN)$/, line);
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < labelText.length) {
    const match = LABEL.exec(labelText);
    assert.ok(match !== null, `labels of ${line}`);
    labels[match[1]!] = match[2]!;
  }
  return { name: name!, labels, value: Number(value) };
}

function assertHistogram(name: string, samples: readonly ParsedSample[]): void {
  const groups = Map.groupBy(samples, ({ labels: { le: _, ...rest } }) => JSON.stringify(rest));
  for (const [labels, group] of groups) {
    const buckets = group.filter((sample) => sample.name === `${name}_bucket`);
    const bounds = buckets.map(({ labels: { le } }) => (le === "+Inf" ? Infinity : Number(le)));
    const where = `${name} ${labels}`;
    assert.deepEqual(
      bounds,
      bounds.toSorted((a, b) => a - b),
      `${where}: bounds ascend`,
    );
    assert.equal(bounds.at(-1), Infinity, `${where}: the last bound is +Inf`);
    buckets.reduce((below, bucket) => {
      assert.ok(bucket.value >= below, `${where}: buckets are cumulative`);
      return bucket.value;
    }, 0);
    const single = (suffix: string) => group.filter((sample) => sample.name === name + suffix);
    assert.equal(single("_sum").length, 1, `${where}: one sum`);
    assert.deepEqual(
      single("_count").map((sample) => sample.value),
      [buckets.at(-1)!.value],
      `${where}: count is +Inf's`,
    );
  }
}
