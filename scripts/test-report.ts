import { relative } from "node:path";
import type { EventData, TestsStream } from "node:test";
import { inspect } from "node:util";
import { formatSpan, StatusLine } from "./status-line.ts";

/** What node's test runner has counted, summed over its runs. */
export interface Totals {
  tests: number;
  suites: number;
  passed: number;
  failed: number;
  cancelled: number;
  skipped: number;
  todo: number;
}

/** Of what a failed file's process said, the last part is shown. */
const MAX_OUTPUT_CHARACTERS = 8_000;

/** What the runner itself says of a file; it is in the totals. */
const COUNTS = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/;

/** A test that did not run, and why. */
interface Skip {
  readonly file: string;
  readonly name: string;
  readonly reason: string;
}

/** Follows runs of node's test runner: says which file is done, shows failures in full, and adds the totals up. */
export class TestReport {
  readonly totals: Totals = {
    tests: 0,
    suites: 0,
    passed: 0,
    failed: 0,
    cancelled: 0,
    skipped: 0,
    todo: 0,
  };
  readonly #root: string;
  readonly #fileCount: number;
  readonly #status = new StatusLine();
  readonly #output = new Map<string, string[]>();
  readonly #failures: string[] = [];
  readonly #skips: Skip[] = [];
  readonly #startMs = performance.now();
  #filesDone = 0;
  #passing = 0;
  #current = "";

  constructor(root: string, fileCount: number) {
    this.#root = root;
    this.#fileCount = fileCount;
  }

  get skips(): readonly Skip[] {
    return this.#skips;
  }

  /** Follows one run to its end. */
  async follow(stream: TestsStream): Promise<void> {
    this.#status.show(() => this.#progress());
    for await (const event of stream) {
      switch (event.type) {
        case "test:dequeue":
          this.#current = event.data.name;
          break;
        case "test:pass":
          this.#pass(event.data);
          break;
        case "test:fail":
          this.#fail(event.data);
          break;
        case "test:stdout":
        case "test:stderr":
          this.#keep(event.data.file, event.data.message);
          break;
        case "test:diagnostic":
          this.#diagnostic(event.data);
          break;
        case "test:summary":
          this.#summary(event.data);
          break;
        default:
      }
    }
    this.#status.clear();
  }

  #progress(): string {
    const bad = this.#failures.length > 0 ? `, ${this.#failures.length} FAILED` : "";
    const span = formatSpan(performance.now() - this.#startMs);
    return `${this.#filesDone}/${this.#fileCount} files, ${this.#passing} tests passed${bad}, ${span}  ${this.#current}`;
  }

  #pass(data: EventData.TestPass): void {
    if (data.details.type === "suite") return;
    if (data.skip !== undefined && data.skip !== false) {
      const reason = typeof data.skip === "string" && data.skip !== "" ? data.skip : "no reason given";
      this.#skips.push({ file: this.#name(data.file), name: data.name, reason });
    } else {
      this.#passing++;
    }
  }

  #fail(data: EventData.TestFail): void {
    const { error } = data.details;
    // A suite fails because a test in it did; only the test is worth reading.
    if ((error as { failureType?: string }).failureType === "subtestsFailed") return;
    if (data.todo !== undefined && data.todo !== false) return;
    const cause = error.cause ?? error;
    const text = cause instanceof Error && cause.stack !== undefined ? inspect(cause) : String(cause);
    const place = data.line === undefined ? "" : `:${data.line}`;
    // A file that could not be loaded, or ended before its tests did, is reported as a test with the file's name.
    const wholeFile = data.name === data.file;
    const title = wholeFile
      ? `✖ ${this.#name(data.file)}  (the file itself)`
      : `✖ ${this.#name(data.file)}${place}  ${data.name}`;
    this.#failures.push(title);
    this.#print(`${title}\n${indent(text)}\n`);
    if (data.file !== undefined && wholeFile) this.#printOutput(data.file);
  }

  /** What a test has to say, such as the figures that it judged, is for who runs this file alone. */
  #diagnostic({ file, message }: EventData.TestDiagnostic): void {
    if (this.#fileCount > 1 || file === undefined || COUNTS.test(message)) return;
    this.#print(`ℹ ${message}\n`);
  }

  #keep(file: string | undefined, message: string): void {
    const key = file ?? "";
    const lines = this.#output.get(key) ?? [];
    lines.push(message);
    this.#output.set(key, lines);
  }

  #summary(data: EventData.TestSummary): void {
    // @types/node does not know `failed`, which is there since Node 20.
    const counts = data.counts as unknown as Totals;
    if (data.file === undefined) {
      for (const key of Object.keys(this.totals) as (keyof Totals)[]) this.totals[key] += counts[key];
      return;
    }
    this.#filesDone++;
    const failed = counts.failed + counts.cancelled;
    const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : "";
    const bad = failed > 0 ? `, ${failed} failed` : "";
    const mark = failed > 0 ? "✖" : "✔";
    const span = formatSpan(data.duration_ms);
    this.#print(`${mark} ${this.#name(data.file)}  ${counts.tests} tests${bad}${skipped}, ${span}\n`);
    if (failed > 0) this.#printOutput(data.file);
    this.#output.delete(data.file);
  }

  /** Shows what a file's process has said, as far as it is not shown yet. */
  #printOutput(file: string): void {
    const output = this.#output.get(file)?.join("").slice(-MAX_OUTPUT_CHARACTERS).trimEnd() ?? "";
    this.#output.delete(file);
    if (output !== "") this.#print(`${indent(output)}\n`);
  }

  #name(file: string | undefined): string {
    return file === undefined ? "(unknown file)" : relative(this.#root, file);
  }

  #print(text: string): void {
    this.#status.clear();
    process.stdout.write(text);
    this.#status.show(() => this.#progress());
  }

  /** Lists failures once more, what was skipped and why, and the totals as the last lines. */
  close(skipIsFailure: boolean): void {
    this.#status.clear();
    const { totals } = this;
    const lines: string[] = [""];
    if (this.#failures.length > 0) lines.push("Failed, with the reasons above:", ...this.#failures, "");
    if (this.#skips.length > 0) {
      lines.push(skipIsFailure ? "Skipped, which counts as a failure in CI:" : "Skipped:");
      for (const [reason, skips] of groupByReason(this.#skips)) {
        lines.push(`  ${reason}`, ...skips.map((skip) => `    ${skip.file}  ${skip.name}`));
      }
      lines.push("");
    }
    const seconds = ((performance.now() - this.#startMs) / 1000).toFixed(1);
    lines.push(
      `ℹ tests ${totals.tests}`,
      `ℹ suites ${totals.suites}`,
      `ℹ pass ${totals.passed}`,
      `ℹ fail ${totals.failed}`,
      `ℹ cancelled ${totals.cancelled}`,
      `ℹ skipped ${totals.skipped}`,
      `ℹ todo ${totals.todo}`,
      `ℹ duration ${seconds} s`,
      `${totals.passed} passed, ${totals.failed + totals.cancelled} failed, ${totals.skipped} skipped`,
    );
    process.stdout.write(`${lines.join("\n")}\n`);
  }
}

function groupByReason(skips: readonly Skip[]): Map<string, Skip[]> {
  return Map.groupBy(skips, (skip) => skip.reason);
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, "    ");
}
