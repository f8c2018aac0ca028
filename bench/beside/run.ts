// Compares what clients see through Isobar and through Envoy when an endpoint is sick, or new. docs/beside-envoy.md has the method.
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { NetworkNamespace } from "../../test/drain/harness/network-namespace.ts";
import { describeMachine } from "../lib/machine.ts";
import { createProgress } from "../lib/progress.ts";
import type { RowResult } from "./compare-row.ts";
import { compareRow } from "./compare-row.ts";
import { findPrograms } from "./find-programs.ts";
import { formatResult } from "./format-result.ts";
import { ROWS } from "./rows.ts";

const NAMES = ROWS.map(({ name }) => name);
const USAGE = `npm run beside -- [options]
  --rows LIST        of ${NAMES.join(", ")} (all)
  --repetitions N    of each row, each with other arrivals (5)
  --seconds S        reported seconds of each repetition (the row's own, 45 or 60)
  --json FILE        writes everything measured there
  --check            exit code 1 if Isobar is not better in a row, or a row could not be played
  --help
It takes Go, and python3 for Envoy from PyPI; the row vanish takes root. docs/beside-envoy.md says what is compared and how.
`;

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2));
  if (typeof options === "number") return options;
  const programs = findPrograms();
  if ("missing" in programs) {
    process.stderr.write(`beside: ${programs.missing}\n`);
    return 69;
  }
  const progress = createProgress();
  const results: RowResult[] = [];
  const skipped: string[] = [];
  for (const row of ROWS.filter(({ name }) => options.rows.includes(name))) {
    const missing = row.fault.kind === "cut" ? NetworkNamespace.missing() : "";
    if (missing !== "") {
      skipped.push(`${row.name}: ${missing}`);
      continue;
    }
    const seconds = options.seconds ?? row.seconds;
    const result = await compareRow(programs, row, options.repetitions, seconds, (text) =>
      progress.show(text),
    );
    progress.clear();
    process.stdout.write(`${formatResult(result)}\n\n`);
    results.push(result);
  }
  for (const text of skipped) process.stdout.write(`skipped ${text}\n`);
  if (options.json !== undefined) {
    const report = { machine: describeMachine([]), options, skipped, results };
    writeFileSync(options.json, `${JSON.stringify(report, undefined, 1)}\n`);
  }
  const limited = results.filter(({ row }) => row.judged !== false);
  const missed = limited.filter(({ verdict }) => verdict !== "better").map(({ row }) => row.name);
  const busy = limited.filter(({ quiet }) => !quiet).map(({ row }) => row.name);
  if (!options.check || missed.length + busy.length + skipped.length === 0) return 0;
  const bad = { "not better": missed, "machine too busy": busy, "not played": skipped };
  const told = Object.entries(bad).flatMap(([what, rows]) =>
    rows.length > 0 ? [`${what}: ${rows.join(", ")}`] : [],
  );
  process.stderr.write(`beside: ${told.join("; ")}\n`);
  return 1;
}

/** @returns the exit code when there is nothing to play. */
function parseOptions(argv: string[]) {
  try {
    const { values } = parseArgs({
      args: argv,
      options: {
        rows: { type: "string", default: NAMES.join(",") },
        repetitions: { type: "string", default: "5" },
        seconds: { type: "string" },
        json: { type: "string" },
        check: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) {
      process.stdout.write(USAGE);
      return 0;
    }
    const rows = values.rows.split(",");
    const unknown = rows.find((name) => !NAMES.includes(name));
    if (unknown !== undefined) throw new Error(`--rows: "${unknown}" is none of ${NAMES.join(", ")}`);
    return {
      rows,
      repetitions: number("--repetitions", values.repetitions, 1, 100),
      seconds: values.seconds === undefined ? undefined : number("--seconds", values.seconds, 2, 600),
      json: values.json,
      check: values.check,
    };
  } catch (error) {
    process.stderr.write(`beside: ${(error as Error).message}\n${USAGE}`);
    return 64;
  }
}

function number(flag: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (value >= least && value <= most) return value;
  throw new Error(`${flag}: "${text}" is not a number from ${least} to ${most}`);
}

// What it started is ended on exit.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(130));
process.exitCode = await main();
