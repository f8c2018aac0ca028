import type { PickCause, ReadKind } from "./pick-layout.ts";
import { RECORD_HEAD_WORDS, recordWords } from "./pick-layout.ts";

/** A load that a pick read. */
export interface ReadLoad {
  /** NO_SLOT for a number of the whole cluster. */
  readonly slot: number;
  readonly kind: ReadKind;
  readonly value: number;
}

/** One pick as it was recorded: with the view it names, all that its result depends on, and the result. */
export interface PickRecord {
  /** Counted from 1 by each worker; wraps at 2^32. */
  readonly number: number;
  /** Number of the view that was picked from, by the same worker. */
  readonly view: number;
  readonly cause: PickCause;
  /** On the worker's clock. */
  readonly nowMs: number;
  readonly sequence: number;
  readonly hash: number;
  readonly tried: readonly number[];
  readonly draws: readonly number[];
  readonly reads: readonly ReadLoad[];
  /** The endpoint's slot; -1 for none. */
  readonly picked: number;
}

/**
 * Reads the records of a ring's copy.
 *
 * @param words what {@link PickRing.copy} gave: records behind each other, the oldest first. It may come from a file: what
 * does not hold together ends it.
 * @throws RangeError saying at which word a record does not hold together.
 */
export function* readRecords(words: Float64Array): Generator<PickRecord> {
  const cells = new Uint32Array(words.buffer, words.byteOffset, words.length * 2);
  for (let at = 0; at < words.length; ) {
    const length = cells[at * 2]!;
    const counts = cells[at * 2 + 9]!;
    const tried = counts & 0xff;
    const draws = (counts >>> 8) & 0xff;
    const reads = counts >>> 16;
    if (
      length < RECORD_HEAD_WORDS ||
      at + length > words.length ||
      length !== recordWords(tried, draws, reads)
    ) {
      throw new RangeError(`record at word ${at}: found a length of ${length} words, which does not fit`);
    }
    yield readRecord(words, cells, at, tried, draws, reads);
    at += length;
  }
}

function readRecord(
  words: Float64Array,
  cells: Uint32Array,
  at: number,
  triedCount: number,
  drawCount: number,
  readCount: number,
): PickRecord {
  const cell = at * 2;
  const drawsAt = at + RECORD_HEAD_WORDS + ((triedCount + 1) >>> 1);
  const readsAt = drawsAt + drawCount;
  return {
    number: cells[cell + 1]!,
    view: cells[cell + 2]!,
    cause: cells[cell + 3]! as PickCause,
    nowMs: words[at + 2]!,
    sequence: cells[cell + 6]!,
    hash: cells[cell + 7]!,
    picked: cells[cell + 8]! | 0,
    tried: Array.from({ length: triedCount }, (_, i) => cells[cell + 2 * RECORD_HEAD_WORDS + i]! | 0),
    draws: [...words.subarray(drawsAt, readsAt)],
    reads: Array.from({ length: readCount }, (_, i) => ({
      slot: cells[(readsAt + 2 * i) * 2]! | 0,
      kind: cells[(readsAt + 2 * i) * 2 + 1]! as ReadKind,
      value: words[readsAt + 2 * i + 1]!,
    })),
  };
}

/** @returns the newest records of a ring's copy, at most `count`, without reading the others. */
export function newestRecords(words: Float64Array, count: number): Float64Array {
  const cells = new Uint32Array(words.buffer, words.byteOffset, words.length * 2);
  const lengthAt = (at: number): number => Math.max(RECORD_HEAD_WORDS, cells[at * 2]!);
  let records = 0;
  for (let at = 0; at < words.length; at += lengthAt(at)) records++;
  let start = 0;
  for (let skip = records - count; skip > 0; skip--) start += lengthAt(start);
  return words.subarray(start);
}
