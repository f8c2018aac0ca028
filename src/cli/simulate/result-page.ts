import { basename } from "node:path";
import { intervalOf } from "../../sim/interval.ts";
import { LatencyRecord } from "../../sim/latency-record.ts";
import type { WindowResult } from "../../sim/run-result.ts";
import { mergeLatencies } from "../../sim/summary.ts";
import type { CaseResult } from "./case-result.ts";
import { escapeText, linePlot } from "./line-plot.ts";
import type { LoadedScenario } from "./loaded-scenario.ts";
import { resultTable } from "./result-table.ts";

const STYLE = `
:root { color-scheme: light dark; --back: #fff; --text: #1b1f24; --soft: #57606a; --grid: #e3e6ea;
  --c0: #0060df; --c1: #c2410c; --c2: #15803d; --c3: #7e22ce; --c4: #b91c1c; --c5: #0e7490; --c6: #a16207; --c7: #be185d; }
@media (prefers-color-scheme: dark) { :root { --back: #14171b; --text: #e6e9ed; --soft: #a0a8b2; --grid: #2c3238;
  --c0: #6cb2ff; --c1: #ff9a5c; --c2: #5fd58a; --c3: #c79bff; --c4: #ff8080; --c5: #58d0e3; --c6: #e6c04d; --c7: #ff8fc4; } }
body { background: var(--back); color: var(--text); font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 1200px; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.5rem; border-top: 1px solid var(--grid); padding-top: 1rem; }
p { max-width: 75ch; white-space: pre-line; } pre { overflow-x: auto; font-size: 13px; line-height: 1.45; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 460px), 1fr)); gap: 1.5rem; }
figure { margin: 0; } figcaption { font-weight: 600; margin-bottom: .25rem; }
svg text { fill: var(--soft); font: 11px system-ui, sans-serif; } .grid { stroke: var(--grid); }
.mark { stroke: var(--soft); stroke-dasharray: 2 3; } .line { fill: none; stroke-width: 2; } .dashed { stroke-dasharray: 6 4; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1rem; font-size: 13px; } .legend span { display: inline-flex; align-items: center; gap: .35rem; }
${[0, 1, 2, 3, 4, 5, 6, 7].map((i) => `.l${i} { stroke: var(--c${i}); }`).join(" ")}
`;

/** The results as one page with plots that needs nothing but itself, readable on light and dark. */
export function resultPage(loaded: LoadedScenario, results: readonly CaseResult[]): string {
  const title = `isobar simulate ${basename(loaded.file)}`;
  const seeds = `${loaded.seeds} seed${loaded.seeds === 1 ? "" : "s"} from ${loaded.seed}; ± is half a 95 % interval over seeds.`;
  return [
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">`,
    `<title>${escapeText(title)}</title><style>${STYLE}</style></head><body>`,
    `<h1>${escapeText(title)}</h1><p>${escapeText(loaded.about)}</p><p>${seeds}</p>`,
    results.length > 1 ? `<div class="plots">${overLoads(results)}</div>` : "",
    ...results.map((result, i) => caseSection(loaded, result, i)),
    "</body></html>\n",
  ].join("\n");
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
        logY: true,
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
  const overTime = (title: string, yTitle: string, of: (window: WindowResult) => number, mostY?: number) =>
    linePlot({
      title,
      xTitle: "s",
      yTitle,
      marks,
      ...(mostY === undefined ? {} : { mostY }),
      lines: summaries.map(({ name, windows }) => ({
        name,
        points: windows.map((window, i) => ({ x: ((i + 0.5) * windowMs) / 1_000, y: of(window) })),
      })),
    });
  const plots = [
    linePlot({
      title: "Latency by percentile",
      xTitle: "1 in so many requests is slower",
      yTitle: "ms",
      logX: true,
      logY: true,
      lines: summaries.map(({ name, windows }) => {
        const latencies = mergeLatencies(windows.slice(warmupMs / windowMs));
        const rarities = Array.from({ length: 41 }, (_, i) => 10 ** (0.3 + i * 0.0925));
        return { name, points: rarities.map((x) => ({ x, y: latencies.percentile(1 - 1 / x) })) };
      }),
    }),
    overTime("p99 over time", "ms", ({ latencies }) => new LatencyRecord(latencies).percentile(0.99)),
    ...(zones.length < 2
      ? []
      : [
          overTime(
            "Requests that stay in their zone",
            "share",
            ({ inZone, requests }) => sum(inZone) / sum(requests),
            1,
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
  const heading = result.load === 0 ? "As recorded" : `Load ${result.load}`;
  return `<h2>${heading}</h2><pre>${escapeText(resultTable(result))}</pre><div class="plots">${plots.join("\n")}</div>`;
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}
