// Runs the tests: unit suites side by side, then those of processes in pairs, then those that measure or build one after the other; the last lines are the totals.
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { run } from "node:test";
import { parseArgs } from "node:util";
import type { TestFiles } from "./test-files.ts";
import { findTestFiles } from "./test-files.ts";
import { TestReport } from "./test-report.ts";

const USAGE = `usage: npm test -- [options] [PATTERN…]
  PATTERN      part of a path or a glob, such as test/lb or 'test/**/hpack/*.test.ts'; several are joined by "or"
  --unit       only suites that need no other process and measure no times
  --name TEXT  only tests whose name matches this regular expression
  --list       print the files, run nothing
  --help
With CI set in the environment a skipped test is a failure.
`;

/** Longest time of one file, and of one test that sets no limit of its own. */
const UNIT_LIMIT_MS = 2 * 60_000;
const HEAVY_LIMIT_MS = 6 * 60_000;
/** Measures for minutes: solo and attack by turns, for each attack. */
const ATTACKS_LIMIT_MS = 20 * 60_000;
/** The first test of a language fetches and builds what it needs. */
const BUILDING_LIMIT_MS = 40 * 60_000;

interface Choice {
  readonly files: TestFiles;
  readonly list: boolean;
  readonly names: readonly string[];
}

const root = resolve(import.meta.dirname, "..");

async function main(): Promise<number> {
  const choice = parseChoice(process.argv.slice(2));
  if (choice === undefined) return 64;
  const { unit, paired, heavy } = choice.files;
  if (choice.list) {
    process.stdout.write([...unit, ...paired, ...heavy, ""].join("\n"));
    return 0;
  }
  // Each file is a process of its own: with stripped sources in a cache it starts in a fifth of the time.
  const { NODE_COMPILE_CACHE = join(root, ".cache/compile") } = process.env;
  Object.assign(process.env, { NODE_COMPILE_CACHE });
  const interrupt = new AbortController();
  const stop = (): void => interrupt.abort();
  process.on("SIGINT", stop).on("SIGTERM", stop);

  const report = new TestReport(root, unit.length + paired.length + heavy.length);
  const runFiles = async (files: readonly string[], concurrency: number, limitMs: number): Promise<void> => {
    if (files.length === 0 || interrupt.signal.aborted) return;
    Object.assign(process.env, { ISOBAR_TEST_LIMIT_MS: String(limitMs) });
    const stream = run({
      files: files.map((file) => join(root, file)),
      cwd: root,
      concurrency,
      timeout: limitMs,
      execArgv: ["--import", new URL("./test-deadline.ts", import.meta.url).href],
      signal: interrupt.signal,
      ...(choice.names.length > 0 ? { testNamePatterns: [...choice.names] } : {}),
    });
    await report.follow(stream);
  };
  await runFiles(unit, Math.max(1, availableParallelism()), UNIT_LIMIT_MS);
  await runFiles(paired, Math.min(2, availableParallelism()), HEAVY_LIMIT_MS);
  const builds = (file: string): boolean => /^test\/(clients|interop|identity|drain|e2e)\//.test(file);
  const attacks = (file: string): boolean => file.startsWith("test/attacks/");
  await runFiles(
    heavy.filter((file) => !builds(file) && !attacks(file)),
    1,
    HEAVY_LIMIT_MS,
  );
  await runFiles(heavy.filter(attacks), 1, ATTACKS_LIMIT_MS);
  await runFiles(heavy.filter(builds), 1, BUILDING_LIMIT_MS);

  const { CI = "" } = process.env;
  const strict = CI !== "" && CI !== "false";
  report.close(strict);
  const { totals } = report;
  if (interrupt.signal.aborted) return 130;
  if (totals.tests === 0 || totals.failed > 0 || totals.cancelled > 0) return 1;
  return strict && totals.skipped > 0 ? 1 : 0;
}

function parseChoice(args: readonly string[]): Choice | undefined {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        unit: { type: "boolean", default: false },
        name: { type: "string", multiple: true, default: [] },
        list: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) {
      process.stdout.write(USAGE);
      process.exit(0);
    }
    const found = findTestFiles(root, positionals);
    const files = values.unit ? { unit: found.unit, paired: [], heavy: [] } : found;
    return { files, list: values.list, names: values.name };
  } catch (error) {
    process.stderr.write(`test: ${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    return undefined;
  }
}

process.exitCode = await main();
