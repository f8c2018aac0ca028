import { basename } from "node:path";
import { intervalOf } from "../../sim/interval.ts";
import { LatencyRecord } from "../../sim/latency-record.ts";
import type { WindowResult } from "../../sim/run-result.ts";
import { mergeLatencies } from "../../sim/summary.ts";
import type { CaseResult } from "./case-result.ts";
import { htmlPage } from "./html-page.ts";
import type { Plot } from "./line-plot.ts";
import { escapeText, linePlot } from "./line-plot.ts";
import type { LoadedScenario } from "./loaded-scenario.ts";
import type { PodsPoint } from "./pods-curve.ts";
import { podsTable } from "./pods-curve.ts";
import { resultTable } from "./result-table.ts";

/** The results as one page with plots. @param curve where the scenario asks for it. */
export function resultPage(
  loaded: LoadedScenario,
  results: readonly CaseResult[],
  curve: readonly PodsPoint[] | undefined,
): string {
  const seeds = `${loaded.seeds} seed${loaded.seeds === 1 ? "" : "s"} from ${loaded.seed}; ± is half a 95 % interval over seeds.`;
  const body = [
    `<p>${escapeText(loaded.about)}</p><p>${seeds}</p>`,
    results.length > 1 ? `<div class="plots">${overLoads(results)}</div>` : "",
    ...results.map((result, i) => caseSection(loaded, result, i)),
    curve === undefined ? "" : podsSection(curve),
  ];
  return htmlPage(`isobar simulate ${basename(loaded.file)}`, body.join("\n"));
}

function podsSection(curve: readonly PodsPoint[]): string {
  const plots = distinct(curve.map(({ load }) => load)).map((load) => {
    const points = curve.filter((point) => point.load === load);
    return linePlot({
      title: `Endpoints saved at load ${load}, by clients per endpoint`,
      xTitle: "channels per client; no point: no number sufficed",
      yTitle: "% saved",
      logX: true,
      lines: distinct(points.map(({ clientsPerEndpoint }) => clientsPerEndpoint)).map((clients) => ({
        name: `${clients}`,
        points: points
          .filter(({ clientsPerEndpoint }) => clientsPerEndpoint === clients)
          .map(({ channels, needed, saved }) => ({
            x: channels,
            y: Number.isFinite(needed) ? saved * 100 : Number.NaN,
          })),
      })),
    });
  });
  const table = escapeText(podsTable(curve));
  return `<h2>Endpoints needed</h2><pre>${table}</pre><div class="plots">${plots.join("\n")}</div>`;
}

function distinct(values: readonly number[]): number[] {
  return [...new Set(values)];
}

function overLoads(results: readonly CaseResult[]): string {
  const percentiles = [
    { title: "p50", of: "p50" },
    { title: "p99", of: "p99" },
    { title: "p99.9", of: "p999" },
  ] as const;
  return percentiles
    .map(({ title, of }) =>
      linePlot({
        title: `${title} over load`,
        xTitle: "load",
        yTitle: "ms",
        fitX: true,
        logY: "wide",
        lines: results[0]!.summaries.map(({ name }, policy) => ({
          name,
          points: results.map(({ load, summaries }) => ({
            x: load,
            y: intervalOf(summaries[policy]!.seeds.map((figures) => figures[of])).mean,
          })),
        })),
      }),
    )
    .join("\n");
}

function caseSection(loaded: LoadedScenario, result: CaseResult, index: number): string {
  const { scenario } = loaded.cases[index]!;
  const { windowMs, warmupMs } = scenario;
  const { summaries, zones } = result;
  const marks = scenario.events.map(({ atMs, noticedAfterMs }) => ({
    x: atMs / 1_000,
    text: noticedAfterMs > 0 ? `noticed after ${noticedAfterMs / 1_000} s` : "",
  }));
  const overTime = (
    title: string,
    yTitle: string,
    of: (window: WindowResult) => number,
    more: Partial<Plot> = {},
  ) =>
    linePlot({
      title,
      xTitle: "s",
      yTitle,
      marks,
      ...more,
      lines: summaries.map(({ name, windows }) => ({
        name,
        points: windows.map((window, i) => ({ x: ((i + 0.5) * windowMs) / 1_000, y: of(window) })),
      })),
    });
  const plots = [
    linePlot({
      title: "Latency by percentile",
      xTitle: "percentile",
      yTitle: "ms",
      logX: true,
      nameX: (rarity) => `p${Number((100 - 100 / rarity).toPrecision(6))}`,
      logY: true,
      lines: summaries.map(({ name, windows }) => {
        const latencies = mergeLatencies(windows.slice(warmupMs / windowMs));
        const rarities = Array.from({ length: 41 }, (_, i) => 2 * 10 ** (i * 0.0925));
        return { name, points: rarities.map((x) => ({ x, y: latencies.percentile(1 - 1 / x) })) };
      }),
    }),
    overTime("p99 over time", "ms", ({ latencies }) => new LatencyRecord(latencies).percentile(0.99), {
      logY: "wide",
    }),
    ...(zones.length < 2
      ? []
      : [
          overTime(
            "Requests that stay in their zone",
            "share",
            ({ inZone, requests }) => sum(inZone) / sum(requests),
            { mostY: 1 },
          ),
          ...zones.map((zone, z) =>
            overTime(
              `Busy servers of zone ${zone}`,
              "share",
              ({ busyMs, serverMs }) => busyMs[z]! / serverMs[z]!,
            ),
          ),
        ]),
  ];
  // Without its heading, and its margin.
  const table = resultTable(result)
    .split("\n")
    .slice(1)
    .map((line) => line.replace(/^ {2}/, ""))
    .join("\n");
  const heading = result.load === 0 ? "As recorded" : `Load ${result.load}`;
  return `<h2>${heading}</h2><pre>${escapeText(table)}</pre><div class="plots">${plots.join("\n")}</div>`;
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}
