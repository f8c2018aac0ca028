import { createHash } from "node:crypto";

/** What a generation has done since its start. */
export interface LedgerCounts {
  /** Streams that came: those that have ended, and those under way. */
  readonly accepted: number;
  /** By gRPC status. */
  readonly finished: Readonly<Record<string, number>>;
  /** Streams that a limit of the proxy's own has ended; they are among the finished. */
  readonly ended: number;
  /** Streams under way. */
  readonly open: number;
}

/** One line of a ledger. */
export interface LedgerRecord extends LedgerCounts {
  /** `counts` every now and then, `closed` by the generation itself at its end, `died` by a later one that found it without. */
  readonly kind: "counts" | "closed" | "died";
  readonly sequence: number;
  /** When, in ms since 1970. */
  readonly atMs: number;
  /** Of `died`: streams that were lost with it, at least and at most. */
  readonly lostAtLeast?: number;
  readonly lostAtMost?: number;
  /** The {@link hash} of the record before, "" for the first. */
  readonly previous: string;
  /** Over all the rest. */
  readonly hash: string;
}

/** @returns the record with its hash, which continues the chain. */
export function sealed(record: Omit<LedgerRecord, "hash">): LedgerRecord {
  return { ...record, hash: hashOf(record) };
}

/** @returns the records of a file as far as they follow from each other, and whether that is all of them. */
export function readLedger(text: string): {
  readonly records: readonly LedgerRecord[];
  readonly whole: boolean;
} {
  const records: LedgerRecord[] = [];
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const record = parse(line);
    const former = records.at(-1);
    if (record === undefined || (former !== undefined && record.previous !== former.hash)) {
      return { records, whole: false };
    }
    records.push(record);
  }
  return { records, whole: true };
}

function parse(line: string): LedgerRecord | undefined {
  try {
    const { hash, ...rest } = JSON.parse(line) as LedgerRecord;
    return hashOf(rest) === hash ? { ...rest, hash } : undefined;
  } catch {
    return undefined;
  }
}

function hashOf(record: Omit<LedgerRecord, "hash">): string {
  return createHash("sha256").update(JSON.stringify(record)).digest("hex").slice(0, 32);
}
