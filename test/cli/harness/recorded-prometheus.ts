import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { request } from "undici";
import { Child } from "../../clients/harness/child.ts";
import { until } from "../../e2e/harness/until.ts";
import { freePorts } from "../../support/free-ports.ts";

/** Minutes of data up to now, and a sample each minute. */
export const MINUTES = 40;

/** What is recorded of one series. */
export interface Series {
  readonly metric: string;
  readonly labels: Readonly<Record<string, string>>;
  /** A second; 0 for a gauge of 1. */
  readonly rate: number;
  /** Minutes ago that it began. */
  readonly sinceMinutes?: number;
}

/** @returns why there can be no Prometheus on this machine, if so. */
export function missingPrometheus(): string | undefined {
  for (const command of ["promtool", "prometheus"])
    if (spawnSync(command, ["--version"]).error !== undefined)
      return `${command} is not installed (Debian's package prometheus)`;
  return undefined;
}

/** A real Prometheus with recorded data. */
export class RecordedPrometheus implements AsyncDisposable {
  readonly url: string;
  readonly #folder: string;
  readonly #child: Child;

  private constructor(url: string, folder: string, child: Child) {
    this.url = url;
    this.#folder = folder;
    this.#child = child;
  }

  /** Writes the series as they came minute by minute up to now, and waits until it answers. */
  static async start(series: readonly Series[]): Promise<RecordedPrometheus> {
    const folder = mkdtempSync(join(tmpdir(), "isobar-prometheus-"));
    const data = join(folder, "data");
    mkdirSync(data);
    writeFileSync(join(folder, "recorded"), openMetrics(series));
    execFileSync("promtool", ["tsdb", "create-blocks-from", "openmetrics", join(folder, "recorded"), data]);
    writeFileSync(join(folder, "prometheus.yml"), "scrape_configs: []\n");
    const [port] = (await freePorts(1)) as [number];
    const url = `http://127.0.0.1:${port}`;
    const child = new Child({ command: "prometheus", args: [] }, [
      `--config.file=${join(folder, "prometheus.yml")}`,
      `--storage.tsdb.path=${data}`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--log.level=error",
    ]);
    const prometheus = new RecordedPrometheus(url, folder, child);
    await until("Prometheus is ready", () =>
      request(`${url}/-/ready`).then(
        async ({ statusCode, body }) => (await body.text()) !== "" && statusCode === 200,
        () => false,
      ),
    );
    return prometheus;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function openMetrics(series: readonly Series[]): string {
  const nowSeconds = Math.floor(Date.now() / 1_000);
  const byMetric = Map.groupBy(series, ({ metric }) => metric);
  const lines: string[] = [];
  for (const [metric, all] of byMetric) {
    const isTotal = metric.endsWith("_total");
    // Parts of a histogram count on, too; alone none of them is one to promtool.
    const isCounter = isTotal || /_(bucket|count|sum)$/.test(metric);
    lines.push(
      `# TYPE ${isTotal ? metric.slice(0, -"_total".length) : metric} ${isTotal ? "counter" : "gauge"}`,
    );
    for (const { labels, rate, sinceMinutes = MINUTES } of all) {
      const text = Object.entries(labels).map(([name, value]) => `${name}="${value}"`);
      for (let minute = sinceMinutes; minute >= 0; minute--) {
        const value = isCounter ? rate * 60 * (sinceMinutes - minute) : 1;
        lines.push(`${metric}{${text.join(",")}} ${value} ${nowSeconds - 60 * minute}`);
      }
    }
  }
  return `${lines.join("\n")}\n# EOF\n`;
}
