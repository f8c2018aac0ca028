import { cellOfFigures } from "../lib/cell-of-figures.ts";
import type { Context } from "../lib/context.ts";
import type { Run } from "../lib/measure-run.ts";
import { measureRun } from "../lib/measure-run.ts";
import { median } from "../lib/median.ts";
import { places } from "../lib/places.ts";
import type { RunningProxy } from "../lib/proxy-kinds.ts";
import type { RowResult } from "../lib/results.ts";
import { judge } from "../lib/results.ts";
import { startIsobar } from "../lib/start-isobar.ts";
import type { ConfigExtras } from "../lib/write-isobar-config.ts";

/** A feature that is configured and switched off may cost this much. */
const offLimit = 1.03;
/** Short turns and many of them: the ratios are near 1 and the noise is not. */
const turnsPerRepetition = 3;

/** The same proxy with features absent, configured but off, and on: each alone and all together. */
const variants: { name: string; extras: ConfigExtras }[] = [
  { name: "absent", extras: { metrics: false } },
  {
    name: "off",
    extras: {
      metrics: false,
      sections: [
        "accessLog: { enabled: false, sample: 1 }",
        "keepalive: { downstream: { timeMs: 0, idleTimeoutMs: 0, maxConnectionAgeMs: 0 } }",
        "limits: { maxRequestBodyOctets: 0 }",
        "overload: { stopReadingAtShare: 1, refuseStreamsAtShare: 1, notReadyAtShare: 1 }",
      ],
      listener: ["protocol: http2"],
      cluster: ["keepalive: { timeMs: 0 }", "h2UpgradePolicy: DEFAULT"],
    },
  },
  { name: "metrics", extras: {} },
  { name: "access log", extras: { metrics: false, sections: ["accessLog: { enabled: true }"] } },
  {
    name: "limits",
    extras: {
      metrics: false,
      sections: ["limits: { maxRequestBodyOctets: 1048576, perCaller: { connections: 1000 } }"],
    },
  },
  {
    name: "keepalive",
    extras: {
      metrics: false,
      sections: ["keepalive: { downstream: { timeMs: 1000, maxConnectionAgeMs: 3600000 } }"],
      cluster: ["keepalive: { timeMs: 1000 }"],
    },
  },
  {
    name: "all",
    extras: {
      sections: [
        "accessLog: { enabled: true }",
        "keepalive: { downstream: { timeMs: 1000, maxConnectionAgeMs: 3600000 } }",
        "limits: { maxRequestBodyOctets: 1048576, perCaller: { connections: 1000 } }",
      ],
      cluster: ["keepalive: { timeMs: 1000 }"],
    },
  },
];

/** What features cost per request: those that are off next to nothing, those that are on what the table says. */
export async function featuresRow(context: Context): Promise<RowResult> {
  const result: RowResult = {
    row: "features",
    title: "u10x10 with features absent, off and on",
    unit: "CPU µs/request",
    cells: [],
    judgements: [],
  };
  if (!context.options.isobar) return result;
  await using started = new AsyncDisposableStack();
  const proxies: RunningProxy[] = [];
  for (const [i, { name, extras }] of variants.entries()) {
    const port = places.ports.isobarVariants + i;
    const file = `isobar-${name.replaceAll(" ", "-")}`;
    const proxy = await startIsobar(context, file, port, places.ports.backends, extras);
    started.use(proxy.process);
    proxies.push({ ...proxy, name });
  }
  const turns: Map<string, Run>[] = [];
  const wanted = context.options.repetitions * turnsPerRepetition;
  while (turns.length < wanted) {
    const turn = new Map<string, Run>();
    for (const proxy of proxies) {
      context.progress.show(`features ${proxy.name} ${turns.length + 1}/${wanted}`);
      const seconds = context.options.seconds / turnsPerRepetition;
      turn.set(proxy.name, await measureRun(context, proxy, { connections: 10, streams: 10, seconds }));
    }
    turns.push(turn);
  }
  const ratioOf = (name: string): number =>
    median(
      turns.map((turn) => turn.get(name)!.cpuMicrosPerRequest / turn.get("absent")!.cpuMicrosPerRequest),
    );
  for (const { name } of variants) {
    const runs = turns.map((turn) => turn.get(name)!);
    const figures = runs.map((run) => run.cpuMicrosPerRequest);
    const more = median(
      turns.map((turn) => turn.get(name)!.cpuMicrosPerRequest - turn.get("absent")!.cpuMicrosPerRequest),
    );
    const note = `${more >= 0 ? "+" : ""}${more.toFixed(2)} µs, ${ratioOf(name).toFixed(3)} × absent`;
    result.cells.push(cellOfFigures(name, figures, name === "absent" ? "" : note, runs));
  }
  result.judgements.push(
    judge("features", "off / absent", ratioOf("off"), offLimit, `median of ${turns.length} pairs`),
  );
  return result;
}
