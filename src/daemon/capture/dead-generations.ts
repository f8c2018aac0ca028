import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { LedgerRecord } from "./ledger-record.ts";
import { readLedger, sealed } from "./ledger-record.ts";

/** A generation that says nothing for so long is dead. */
const DEAD_MS = 10_000;
/** Ledgers that are kept, the newest ones; and how long the folder of a generation that died. */
const MAX_LEDGERS = 20;
const FOLDER_MS = 3_600_000;
/** A generation's name is that of a folder as well: nothing that leads out of this one. */
const LEDGER_FILE = /^[A-Za-z0-9][A-Za-z0-9.-]{0,62}\.jsonl$/;
/** Records by which it is judged how much happens between two. */
const RECENT = 10;

/** A ledger as people see it. */
export interface LedgerView {
  readonly generation: string;
  /** `alive`, `closed` in order, `died`, or `silent`: it has not written for a while, and is not known to be dead. */
  readonly state: "alive" | "closed" | "died" | "silent";
  readonly last: LedgerRecord;
  /** Whether every record follows from the one before. */
  readonly whole: boolean;
}

/** @returns all ledgers of a run directory, by the time of their last record. */
export function readLedgers(runDir: string, wallMs: number): readonly LedgerView[] {
  const views: LedgerView[] = [];
  for (const file of filesOf(runDir)) {
    const generation = file.slice(0, -".jsonl".length);
    const { records, whole } = readLedger(textOf(join(runDir, "ledger", file)));
    const last = records.at(-1);
    if (last === undefined) continue;
    const isAlive = wallMs - writtenMsOf(join(runDir, generation, "generation.json")) < DEAD_MS;
    const open = isAlive ? "alive" : wallMs - last.atMs < DEAD_MS ? "silent" : "died";
    const isOver = last.kind === "closed" || last.kind === "died";
    views.push({ generation, state: isOver ? last.kind : open, last, whole });
  }
  return views.sort((a, b) => a.last.atMs - b.last.atMs);
}

/**
 * Closes the ledgers of generations that died without, and lets go of the oldest ones.
 *
 * @param own generation, which is not looked at.
 * @returns what the died ones have lost.
 */
export function closeDeadLedgers(
  runDir: string,
  own: string,
  wallMs: number,
): readonly { readonly generation: string; readonly record: LedgerRecord }[] {
  const found: { generation: string; record: LedgerRecord }[] = [];
  const views = readLedgers(runDir, wallMs).filter(({ generation }) => generation !== own);
  for (const { generation, state, last } of views) {
    if (state !== "died" || last.kind === "died") continue;
    const path = join(runDir, "ledger", `${generation}.jsonl`);
    const { records } = readLedger(textOf(path));
    const record = sealed({ ...died(records), previous: last.hash });
    // Without the half of a line that it may have ended with.
    writeFileSync(path, [...records, record].map((each) => `${JSON.stringify(each)}\n`).join(""));
    found.push({ generation, record });
  }
  for (const { generation } of views.slice(0, Math.max(0, views.length - MAX_LEDGERS))) {
    rmSync(join(runDir, "ledger", `${generation}.jsonl`), { force: true });
  }
  for (const { generation, last, state } of views) {
    if (state !== "alive" && wallMs - last.atMs > FOLDER_MS)
      rmSync(join(runDir, generation), { recursive: true, force: true });
  }
  return found;
}

/**
 * What was lost with a generation. Between its last record and its end it did about as much as between two records before: so many of the streams
 * under way may have ended, and so many may have come.
 */
function died(records: readonly LedgerRecord[]): Omit<LedgerRecord, "hash" | "previous"> {
  const last = records.at(-1)!;
  let [came, left] = [0, 0];
  for (let i = Math.max(1, records.length - RECENT); i < records.length; i++) {
    const [former, next] = [records[i - 1]!, records[i]!];
    came = Math.max(came, next.accepted - former.accepted);
    left = Math.max(left, next.accepted - next.open - (former.accepted - former.open));
  }
  const { accepted, finished, ended, open } = last;
  return {
    kind: "died",
    sequence: last.sequence + 1,
    atMs: last.atMs,
    accepted,
    finished,
    ended,
    open,
    lostAtLeast: Math.max(0, open - left),
    lostAtMost: open + came,
  };
}

/** When a generation last wrote its file, by the file's own time: one of another release may write a format that is not known here, and lives. */
function writtenMsOf(path: string): number {
  try {
    return statSync(path).mtimeMs;
  } catch {
    return 0;
  }
}

function filesOf(runDir: string): string[] {
  try {
    return readdirSync(join(runDir, "ledger")).filter((file) => LEDGER_FILE.test(file));
  } catch {
    return [];
  }
}

/** A line that was being written when its process was killed is no record. */
function textOf(path: string): string {
  try {
    if (!statSync(path).isFile()) return "";
    const text = readFileSync(path, "utf8");
    return text.slice(0, text.lastIndexOf("\n") + 1);
  } catch {
    return "";
  }
}
