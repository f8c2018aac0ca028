import { appendFileSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { LedgerCounts, LedgerRecord } from "./ledger-record.ts";
import { sealed } from "./ledger-record.ts";

/** How often it is looked whether something has happened. */
export const LEDGER_MS = 100;
/** Records that a file has at most, and how many of them are kept when it gets there: ten minutes and one, at the most records there can be. */
const MAX_RECORDS = 6_000;
const KEPT_RECORDS = 600;

/** What a {@link Ledger} is made of. */
export interface LedgerOptions {
  /** Of the file. */
  readonly path: string;
  readonly read: () => LedgerCounts;
  /** @returns something that differs whenever {@link read} may. */
  readonly mark: () => number;
  /** Told once of a file that cannot be written. */
  readonly onFailed: (error: unknown) => void;
}

/**
 * What one generation has done, in a file that outlives it: a record every 100 ms in which something happened, each with the hash of the one before,
 * and a closing one. A file without that belongs to a generation that was killed, and says what was under way then.
 */
export class Ledger {
  readonly #options: LedgerOptions;
  readonly #timer: NodeJS.Timeout;
  #lines: string[] = [];
  #last: LedgerRecord | undefined;
  #mark = Number.NaN;
  #failed = false;

  constructor(options: LedgerOptions) {
    this.#options = options;
    this.#write(() => mkdirSync(dirname(options.path), { recursive: true }));
    this.#append("counts", options.read());
    this.#timer = setInterval(() => this.look(), LEDGER_MS);
    this.#timer.unref();
  }

  /** Writes the closing record. */
  close(): void {
    clearInterval(this.#timer);
    this.#append("closed", this.#options.read());
  }

  /** Writes a record if something has happened. */
  look(): void {
    const mark = this.#options.mark();
    if (mark === this.#mark) return;
    this.#mark = mark;
    const counts = this.#options.read();
    const { accepted, finished, ended, open } = this.#last!;
    if (!isDeepStrictEqual(counts, { accepted, finished, ended, open })) this.#append("counts", counts);
  }

  #append(kind: LedgerRecord["kind"], counts: LedgerCounts): void {
    const sequence = (this.#last?.sequence ?? 0) + 1;
    const record = sealed({
      kind,
      sequence,
      atMs: Date.now(),
      ...counts,
      previous: this.#last?.hash ?? "",
    });
    this.#last = record;
    const line = `${JSON.stringify(record)}\n`;
    this.#lines.push(line);
    const { path } = this.#options;
    if (this.#lines.length <= MAX_RECORDS) return this.#write(() => appendFileSync(path, line));
    this.#lines = this.#lines.slice(-KEPT_RECORDS);
    this.#write(() => {
      writeFileSync(`${path}.next`, this.#lines.join(""));
      renameSync(`${path}.next`, path);
    });
  }

  #write(write: () => void): void {
    try {
      write();
    } catch (error) {
      if (!this.#failed) this.#options.onFailed(error);
      this.#failed = true;
    }
  }
}
