// Every check that is quick enough for each commit: format, lint, types, folder order, generated pages, unit tests.
// With --still those alone that run nothing of the product: before a run of all tests the unit tests would be run twice.
import { spawn } from "node:child_process";
import { globSync } from "node:fs";
import { join, resolve } from "node:path";
import { formatSpan, StatusLine } from "./status-line.ts";

/** One check: a command that ends with 0 when all is well. */
interface Step {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  /** Show its output as it comes, not only when it fails. */
  readonly live?: boolean;
}

const root = resolve(import.meta.dirname, "..");
const bin = (name: string): string => join(root, "node_modules/.bin", name);
const node = process.execPath;

const isStill = process.argv.slice(2).includes("--still");
const steps: readonly Step[] = [
  { name: "format and lint", command: [bin("biome"), "check", "--error-on-warnings", "."] },
  { name: "types", command: [bin("tsc"), "-p", "tsconfig.json"] },
  { name: "folder order", command: [node, "scripts/check-layers.ts"] },
  // Pages made from code: every generator says with --check whether its page is up to date.
  ...globSync("scripts/gen-*.ts", { cwd: root })
    .sort()
    .map((script): Step => ({ name: `pages (${script})`, command: [node, script, "--check"] })),
  ...(isStill
    ? []
    : [{ name: "unit tests", command: [node, "scripts/test.ts", "--unit"], live: true } as const]),
];

const status = new StatusLine();

/** Runs one step. @returns whether it passed. */
async function runStep(step: Step, number: number): Promise<boolean> {
  const startMs = performance.now();
  const span = (): string => formatSpan(performance.now() - startMs);
  const live = step.live === true;
  if (live) process.stdout.write(`  ${step.name} …\n`);
  else status.show(() => `  ${number}/${steps.length} ${step.name} … ${span()}`);
  const [command, ...args] = step.command;
  const child = spawn(command, args, { cwd: root, stdio: live ? "inherit" : ["ignore", "pipe", "pipe"] });
  let output = "";
  const keep = (chunk: string): void => {
    output += chunk;
  };
  child.stdout?.setEncoding("utf8").on("data", keep);
  child.stderr?.setEncoding("utf8").on("data", keep);
  const code = await new Promise<number | null>((resolvePromise) => {
    child.on("error", (error) => {
      output += error.message;
      resolvePromise(null);
    });
    child.on("close", resolvePromise);
  });
  status.clear();
  process.stdout.write(`${code === 0 ? "✔" : "✖"} ${step.name}, ${span()}\n`);
  if (code !== 0) process.stdout.write(`${output.trimEnd()}\n`);
  return code === 0;
}

const failed: string[] = [];
for (const [index, step] of steps.entries()) {
  if (!(await runStep(step, index + 1))) failed.push(step.name);
}
process.stdout.write(failed.length === 0 ? "check: all is well\n" : `check: failed: ${failed.join(", ")}\n`);
process.exitCode = failed.length === 0 ? 0 : 1;
