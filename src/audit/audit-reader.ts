import type { AuditFile } from "./audit-folder.ts";
import { listAuditFiles, readHead } from "./audit-folder.ts";
import type { NumberedRecord } from "./audit-record.ts";
import type { ReplayOptions } from "./audit-replay.ts";
import { AuditReplay } from "./audit-replay.ts";
import { readLines } from "./read-lines.ts";
import { readLine } from "./sealed-line.ts";

/** A file with what its head says. */
export interface DatedFile extends AuditFile {
  readonly atMs: number;
  readonly process: string;
  readonly replica: string;
  /** Since when nothing could be written before it; undefined: nothing is missing. */
  readonly gapSinceMs: number | undefined;
}

/** The audit cannot say it, in words for people. */
export class AuditError extends Error {
  override readonly name = "AuditError";
}

/** Answers are written up to so long after what they answer; what is told of a time may stand so much later. */
const LATEST_MS = 10_000;

/** Reads an audit. It believes what it reads: whether that is what was written is {@link verifyAudit}'s to say. */
export class AuditReader {
  readonly folder: string;
  readonly files: readonly DatedFile[];

  private constructor(folder: string, files: readonly DatedFile[]) {
    this.folder = folder;
    this.files = files;
  }

  /** @throws AuditError when there is no audit. */
  static async open(folder: string): Promise<AuditReader> {
    const listed = await listAuditFiles(folder).catch((error: unknown) => {
      throw new AuditError(
        `${folder} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      );
    });
    const files: DatedFile[] = [];
    for (const file of listed) {
      const read = await readHead(file.path);
      if (read === undefined) continue;
      const { head, atMs } = read;
      const gapSinceMs = head.gap === undefined ? undefined : Date.parse(head.gap.since);
      files.push({ ...file, atMs, process: head.process, replica: head.replica, gapSinceMs });
    }
    if (files.length === 0)
      throw new AuditError(
        `${folder} has no audit; --dir names the folder that isobar control-plane has as --audit-dir`,
      );
    return new AuditReader(folder, files);
  }

  /** @returns the position of the file that has the time; −1: it is before them all. */
  fileAt(atMs: number): number {
    return this.files.findLastIndex((file) => file.atMs <= atMs);
  }

  /** @returns positions of files that can have a record: what there was when a process began has a number before its first file. */
  filesOf(n: number): number[] {
    const position = this.files.findLastIndex((file) => file.first <= n);
    return [position, position + 1].filter((each) => this.files[each] !== undefined);
  }

  /** @returns how things were at a time, as a file of this position tells it. Rejects with AuditError when it cannot. */
  async replay(position: number, options: ReplayOptions): Promise<AuditReplay> {
    const replay = new AuditReplay(options);
    const file = this.files[position]!;
    await this.#read(file, replay, options.untilMs + LATEST_MS);
    if (!replay.isWhole)
      throw new AuditError(`${file.name} breaks off before the state at its head is complete`);
    // What happened just before another file was begun may stand in that one.
    const next = this.files[position + 1];
    const isFollowed = next !== undefined && next.process === file.process && next.gapSinceMs === undefined;
    if (isFollowed && next.atMs <= options.untilMs + LATEST_MS)
      await this.#readBehindHead(next, replay, options.untilMs + LATEST_MS);
    return replay;
  }

  /** @returns records of all files one after the other, from the file that has the time on. */
  async *records(fromMs: number): AsyncGenerator<NumberedRecord> {
    for (const file of this.files.slice(Math.max(this.fileAt(fromMs), 0))) {
      for await (const lines of readLines(file.path)) {
        for (const { text, number, isWhole } of lines) if (isWhole) yield recordOf(text, file, number);
      }
    }
  }

  async #read(file: DatedFile, replay: AuditReplay, untilMs: number): Promise<void> {
    for await (const lines of readLines(file.path)) {
      for (const { text, number, isWhole } of lines) {
        if (!isWhole) return;
        const record = recordOf(text, file, number);
        if (Date.parse(record.at) > untilMs) return;
        apply(replay, record, file, number);
      }
    }
  }

  async #readBehindHead(file: DatedFile, replay: AuditReplay, untilMs: number): Promise<void> {
    let isBehind = false;
    for await (const lines of readLines(file.path)) {
      for (const { text, number, isWhole } of lines) {
        if (!isWhole) return;
        const record = recordOf(text, file, number);
        if (Date.parse(record.at) > untilMs) return;
        if (isBehind) apply(replay, record, file, number);
        else isBehind = record.kind === "complete";
      }
    }
  }
}

function recordOf(text: string, { name }: DatedFile, number: number): NumberedRecord {
  const read = readLine(text);
  if (typeof read === "string")
    throw new AuditError(`${name}:${number}: ${read}; isobar audit verify says more`);
  return read.record;
}

function apply(replay: AuditReplay, record: NumberedRecord, { name }: DatedFile, number: number): void {
  try {
    replay.apply(record);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new AuditError(`${name}:${number}: ${reason}; isobar audit verify says more`, { cause: error });
  }
}
