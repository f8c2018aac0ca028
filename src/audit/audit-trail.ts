import type { FileHandle } from "node:fs/promises";
import { mkdir, open, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Log } from "../telemetry/log.ts";
import type { AuditEvent } from "./audit-event.ts";
import { auditFileName, deleteOldFiles, findTail } from "./audit-folder.ts";
import type { FileRecord } from "./audit-record.ts";
import type { DatedRecord } from "./audit-recorder.ts";
import { AuditRecorder } from "./audit-recorder.ts";
import { NO_HASH, sealRecord } from "./sealed-line.ts";
import { usualCluster } from "./service-state.ts";

/** What an {@link AuditTrail} needs to know before it exists. */
export interface AuditTrailOptions {
  /** Where its files lie; made if need be. Nobody else may write there. */
  readonly folder: string;
  /** A file that has grown by so much beyond its head is followed by another. */
  readonly fileOctets: number;
  /** Files that are kept. */
  readonly maxFiles: number;
  /** Who writes, for people: the host's name. */
  readonly replica: string;
  /** Which release writes. */
  readonly isobar: string;
  readonly log: Log;
  /** Times in ms, for tests: how long records are collected; how long after a failure it is tried again; the age of a file. */
  readonly times?: { readonly collectMs: number; readonly retryMs: number; readonly fileAgeMs: number };
}

/** The newest record that lies on the disk for certain. */
export interface AuditHead {
  readonly n: number;
  readonly hash: string;
}

const TIMES = { collectMs: 250, retryMs: 10_000, fileAgeMs: 24 * 3_600_000 };
/** What is written in one go: a few milliseconds of work. */
const PIECE_CHARACTERS = 256 * 1_024;
/** Events that may wait for a slow disk; beyond, they are taken up without being written. */
const MOST_WAITING = 200_000;
const TOO_MUCH = "more happens than can be written";
/** How often a failure that lasts is said again. */
const REMIND_MS = 60_000;

interface OpenFile {
  readonly handle: FileHandle;
  readonly path: string;
  readonly sinceMs: number;
  octets: number;
  /** Of them, those up to the end of the state at its head. */
  headOctets: number;
  /** Something happened that is not in it: another one has to begin. */
  isSpoilt: boolean;
}

/**
 * Writes an audit: takes events, makes records of them several times a second, seals them and appends them to files. Whoever notes an event waits for
 * nothing. While the disk is full or gone, what would have been written is counted; then a new file begins with that number and with the state as it
 * is.
 */
export class AuditTrail {
  readonly #options: AuditTrailOptions;
  readonly #times: NonNullable<AuditTrailOptions["times"]>;
  readonly #recorder = new AuditRecorder();
  #file: OpenFile | undefined;
  #isSynced = false;
  /** When the recorder was last emptied: its state is of then. */
  #takenMs = 0;
  /** Of the newest record that was given a number. */
  #n: number;
  #hash: string;
  #head: AuditHead;
  /** "" while all is well. */
  #failure = "";
  /** When it began, and when it was last tried. */
  #failingSinceMs = 0;
  #triedMs = 0;
  #saidMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #closed = false;
  /** Records written since the start, and records that could not be. */
  written = 0;
  lost = 0;

  private constructor(options: AuditTrailOptions, tail: AuditHead) {
    this.#options = options;
    this.#times = options.times ?? TIMES;
    this.#n = tail.n;
    this.#hash = tail.hash;
    this.#head = { n: tail.n, hash: tail.hash };
  }

  /** Looks for what to go on from. @throws what the file system says, when the folder cannot be used. */
  static async open(options: AuditTrailOptions): Promise<AuditTrail> {
    await mkdir(options.folder, { recursive: true, mode: 0o750 });
    const probe = join(options.folder, ".probe");
    await (await open(probe, "w")).close();
    return new AuditTrail(options, await findTail(options.folder));
  }

  /** Whether what happens is being written. */
  get isWriting(): boolean {
    return this.#failure === "";
  }

  /** Whether everything that was noted lies on the disk. */
  get isSettled(): boolean {
    return this.isWriting && this.#recorder.waiting === 0 && this.#head.n === this.#n;
  }

  get head(): AuditHead {
    return this.#head;
  }

  /** Something has happened. */
  note(event: AuditEvent): void {
    if (this.#closed) return;
    this.#recorder.note(event);
    if (this.#recorder.waiting > MOST_WAITING) this.#discard();
    this.#schedule();
  }

  /** Everything there is has been noted once: that is the state at the head of the first file. What comes now is a change. */
  synced(): void {
    if (this.#isSynced) return;
    this.#isSynced = true;
    this.#n += this.#take().length;
    this.#schedule(0);
  }

  /** Writes what is left. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#running;
    if (this.#isSynced) await this.#write([{ atMs: Date.now(), record: { kind: "ended" } }]);
    await this.#file?.handle.close().catch(() => {});
  }

  /** @returns what has happened, numbered from the next number on. */
  #take(): readonly DatedRecord[] {
    this.#takenMs = Date.now();
    return this.#recorder.take(this.#n + 1, this.#takenMs);
  }

  #schedule(afterMs = this.#times.collectMs): void {
    if (this.#timer !== undefined || this.#running !== undefined || this.#closed || !this.#isSynced) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#running = this.#write().finally(() => {
        this.#running = undefined;
        if (this.#recorder.waiting > 0 || this.#recorder.isWaitingForAnswers || this.#failure !== "")
          this.#schedule();
      });
    }, afterMs);
  }

  /** @param last what is written behind everything else. */
  async #write(last: readonly DatedRecord[] = []): Promise<void> {
    const nowMs = Date.now();
    if (this.#failure !== "" && nowMs - this.#triedMs < this.#times.retryMs && !this.#closed)
      return this.#discard();
    this.#triedMs = nowMs;
    try {
      const file = this.#file;
      if (file === undefined || file.isSpoilt) await this.#resume();
      else {
        await this.#append(file, this.#take());
        if (this.#isFull(file, nowMs)) await this.#rotate(file);
      }
      await this.#append(this.#file!, last);
      await this.#settle();
    } catch (error) {
      await this.#failed(error);
    }
  }

  #isFull({ octets, headOctets, sinceMs }: OpenFile, nowMs: number): boolean {
    return octets - headOctets >= this.#options.fileOctets || nowMs - sinceMs >= this.#times.fileAgeMs;
  }

  /** One file follows the other without a gap. */
  async #rotate(file: OpenFile): Promise<void> {
    // The state is as it is after these; nothing is taken until it has been written.
    await this.#append(file, this.#take());
    await file.handle.sync();
    await file.handle.close();
    await this.#begin({ torn: 0, skips: 0 });
  }

  /** Goes on after what lies there: written by a former process, or half written when the disk refused. */
  async #resume(): Promise<void> {
    const { folder, log } = this.#options;
    await this.#file?.handle.close().catch(() => {});
    this.#file = undefined;
    const { n, hash, torn } = await findTail(folder);
    if (hash === NO_HASH && n > 0)
      log.error("the last record of the audit cannot be read; a new chain begins", { folder });
    this.#hash = hash;
    this.#n = Math.max(this.#n, n);
    // Not written after a failure: the state that follows has it all.
    if (this.#failure !== "") {
      const count = this.#take().length;
      this.#n += count;
      this.lost += count;
    }
    await this.#begin({ torn, skips: this.#n - n });
  }

  async #begin({ torn, skips }: Pick<FileRecord, "torn" | "skips">): Promise<void> {
    const { folder, replica, isobar, maxFiles } = this.#options;
    const nowMs = this.#takenMs;
    const path = join(folder, auditFileName(this.#n + 1));
    const handle = await open(path, "ax", 0o640);
    const file: OpenFile = { handle, path, sinceMs: nowMs, octets: 0, headOctets: 0, isSpoilt: false };
    this.#file = file;
    const since = this.#failure === "" ? undefined : new Date(this.#failingSinceMs).toISOString();
    const head: FileRecord = {
      kind: "file",
      format: 1,
      previous: this.#hash,
      replica,
      isobar,
      process: PROCESS,
      torn,
      skips,
      ...(since === undefined ? {} : { gap: { since } }),
      usual: usualCluster(),
    };
    await this.#append(file, [{ atMs: nowMs, record: head }]);
    await this.#append(file, this.#recorder.state(nowMs));
    file.headOctets = file.octets;
    await deleteOldFiles(folder, maxFiles);
  }

  async #append(file: OpenFile, records: Iterable<DatedRecord>): Promise<void> {
    let text = "";
    let count = 0;
    const flush = async (): Promise<void> => {
      const octets = Buffer.from(text);
      text = "";
      await file.handle.appendFile(octets);
      file.octets += octets.length;
      this.written += count;
      count = 0;
    };
    for (const { atMs, record } of records) {
      const { line, hash } = sealRecord(this.#hash, this.#n + 1, atMs, record);
      this.#n++;
      this.#hash = hash;
      count++;
      text += `${line}\n`;
      if (text.length >= PIECE_CHARACTERS) await flush();
      // While it waited, the queue overflowed: what is in the file so far is no whole state.
      if (file.isSpoilt) throw new Error(TOO_MUCH);
    }
    if (text !== "") await flush();
  }

  /** Makes sure that it lies on the disk, in the file that has our name. */
  async #settle(): Promise<void> {
    const { handle, path, octets, isSpoilt } = this.#file!;
    if (isSpoilt) throw new Error(TOO_MUCH);
    await handle.datasync();
    const { size } = await stat(path);
    if (size !== octets)
      throw new Error(`${path} has ${size} octets, wanted ${octets}: somebody else writes there`);
    this.#head = { n: this.#n, hash: this.#hash };
    if (this.#failure === "") return;
    this.#failure = "";
    this.#saidMs = Number.NEGATIVE_INFINITY;
    this.#options.log.info("the audit is written again", { file: path });
  }

  /** What happens is taken up, but not written. */
  #discard(): void {
    if (this.#file !== undefined) this.#file.isSpoilt = true;
    const count = this.#take().length;
    this.#n += count;
    this.lost += count;
    this.#fail(this.#failure === "" ? TOO_MUCH : this.#failure);
  }

  async #failed(error: unknown): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.handle.close().catch(() => {});
    if (this.#failure === "") this.lost += this.#n - this.#head.n;
    this.#fail(error instanceof Error ? error.message : String(error));
  }

  #fail(reason: string): void {
    const nowMs = Date.now();
    if (this.#failure === "") this.#failingSinceMs = nowMs;
    this.#failure = reason;
    if (nowMs - this.#saidMs < REMIND_MS) return;
    this.#saidMs = nowMs;
    this.#options.log.error(
      "the audit cannot be written; services are served on, and the next file will say what is missing",
      { folder: this.#options.folder, reason, lostRecords: this.lost },
    );
  }
}

/** Streams are numbered anew in each process. */
const PROCESS = `${process.pid}-${Math.round(performance.timeOrigin)}`;
