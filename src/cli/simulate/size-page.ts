import { basename } from "node:path";
import { htmlPage } from "./html-page.ts";
import { escapeText, linePlot } from "./line-plot.ts";
import type { LoadedScenario } from "./loaded-scenario.ts";
import type { SizeGoal, SizeResult } from "./size-service.ts";
import { sizeTable, sizeTitle } from "./size-table.ts";

/** What `--size` found as one page: the table, and where there are several loads, a plot over them. */
export function sizePage(loaded: LoadedScenario, sizes: readonly SizeResult[], goal: SizeGoal): string {
  const policies = [...new Set(sizes.map(({ policy }) => policy))];
  const plot = linePlot({
    title: sizeTitle(goal),
    xTitle: "load of the scenario",
    yTitle: "endpoints",
    lines: policies.map((name) => ({
      name,
      points: sizes
        .filter(({ policy }) => policy === name)
        .map(({ load, needed }) => ({ x: load, y: Number.isFinite(needed) ? needed : Number.NaN })),
    })),
  });
  const about = `<p>${escapeText(loaded.about)}</p><pre>${escapeText(sizeTable(sizes, goal))}</pre>`;
  const plots = loaded.cases.length > 1 ? `<div class="plots">${plot}</div>` : "";
  return htmlPage(`isobar simulate --size ${basename(loaded.file)}`, about + plots);
}
