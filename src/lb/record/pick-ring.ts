import type { PickRequest } from "../picker.ts";
import type { PickCause } from "./pick-layout.ts";
import {
  MAX_DRAWS,
  MAX_READS,
  MAX_RECORD_WORDS,
  MAX_TRIED,
  RECORD_HEAD_WORDS,
  recordWords,
} from "./pick-layout.ts";
import type { RecordingDraws } from "./recording-draws.ts";
import type { RecordingLoads } from "./recording-loads.ts";

/** Words of the usual record: two draws, and two numbers read of each of the two endpoints drawn. */
const USUAL_RECORD_WORDS: number = recordWords(0, 2, 4);

/**
 * The last picks of one worker, in memory that is taken once: writing one allocates nothing, and overwrites the oldest as far
 * as it needs the room. Not shared between threads.
 */
export class PickRing {
  readonly #words: Float64Array;
  readonly #cells: Uint32Array;
  readonly #onDropped: (view: number) => void;
  /** Where the next record goes, and where the oldest one is, in words. */
  #head = 0;
  #tail = 0;
  #used = 0;
  #lastLength = 0;
  /** Where the records before the ring's start ended, when the head last stepped over its end. */
  #lapEnd = 0;
  #number = 0;
  /** Records it holds. */
  count = 0;

  /**
   * @param records usual ones it has room for, at least 1; there are fewer of long ones.
   * @param onDropped told the view of every record that is overwritten.
   */
  constructor(records: number, onDropped: (view: number) => void) {
    const capacity = Math.max(records * USUAL_RECORD_WORDS, 2 * MAX_RECORD_WORDS);
    this.#words = new Float64Array(capacity);
    this.#cells = new Uint32Array(this.#words.buffer);
    this.#onDropped = onDropped;
  }

  /** Records written so far, those overwritten included; wraps at 2^32. */
  get written(): number {
    return this.#number;
  }

  /**
   * Writes a pick.
   *
   * @param view number of what was picked from.
   * @param picked the endpoint's slot.
   * @returns whether there was room for all that the pick read and drew.
   */
  write(
    view: number,
    cause: PickCause,
    request: PickRequest,
    loads: RecordingLoads,
    draws: RecordingDraws,
    nowMs: number,
    picked: number,
  ): boolean {
    const { triedCount } = request;
    if (triedCount > MAX_TRIED || draws.count > MAX_DRAWS || loads.count > MAX_READS) return false;
    const length = recordWords(triedCount, draws.count, loads.count);
    const at = this.#makeRoom(length);
    const words = this.#words;
    const cells = this.#cells;
    this.#number = (this.#number + 1) >>> 0;
    const cell = at * 2;
    cells[cell] = length;
    cells[cell + 1] = this.#number;
    cells[cell + 2] = view;
    cells[cell + 3] = cause;
    words[at + 2] = nowMs;
    cells[cell + 6] = request.sequence;
    cells[cell + 7] = request.hash;
    cells[cell + 8] = picked;
    cells[cell + 9] = triedCount | (draws.count << 8) | (loads.count << 16);
    const tried = cell + 2 * RECORD_HEAD_WORDS;
    for (let i = 0; i < triedCount; i++) cells[tried + i] = request.tried[i]!;
    if (triedCount & 1) cells[tried + triedCount] = 0;
    let next = at + RECORD_HEAD_WORDS + ((triedCount + 1) >>> 1);
    for (let i = 0; i < draws.count; i++) words[next++] = draws.values[i]!;
    for (let i = 0; i < loads.count; i++) {
      cells[next * 2] = loads.slots[i]!;
      cells[next * 2 + 1] = loads.kinds[i]!;
      words[next + 1] = loads.values[i]!;
      next += 2;
    }
    this.count++;
    return true;
  }

  /** @returns all records behind each other, the oldest first, for readRecords. */
  copy(): Float64Array<ArrayBuffer> {
    const copy = new Float64Array(this.#used);
    if (this.#used === 0) return copy;
    const isInOne = this.#tail < this.#head;
    const old = this.#words.subarray(this.#tail, isInOne ? this.#head : this.#lapEnd);
    copy.set(old);
    if (!isInOne) copy.set(this.#words.subarray(0, this.#head), old.length);
    return copy;
  }

  /** @returns the newest record alone; empty when there is none. */
  newest(): Float64Array<ArrayBuffer> {
    if (this.count === 0) return new Float64Array(0);
    const length = this.#lastLength;
    return this.#words.slice(this.#head - length, this.#head) as Float64Array<ArrayBuffer>;
  }

  /** @returns where a record of that length goes; what lay there is dropped. */
  #makeRoom(length: number): number {
    const words = this.#words;
    if (this.#head + length > words.length) {
      // Whatever old records lie between here and the end have to go before the head may step over them.
      while (this.count > 0 && this.#tail >= this.#head) this.#drop();
      if (this.#head < words.length) this.#cells[this.#head * 2] = 0;
      this.#lapEnd = this.#head;
      this.#head = 0;
    }
    while (this.count > 0 && this.#tail >= this.#head && this.#tail < this.#head + length) this.#drop();
    if (this.count === 0) this.#tail = this.#head;
    const at = this.#head;
    this.#head += length;
    this.#used += length;
    this.#lastLength = length;
    return at;
  }

  #drop(): void {
    const at = this.#startFrom(this.#tail);
    const length = this.#cells[at * 2]!;
    this.#onDropped(this.#cells[at * 2 + 2]!);
    this.#tail = at + length;
    this.#used -= length;
    this.count--;
    // A tail that stands at the gap before the ring's end is at its start.
    if (this.count > 0) this.#tail = this.#startFrom(this.#tail);
  }

  /** @returns where the record is that follows at `at`. */
  #startFrom(at: number): number {
    return at >= this.#words.length || this.#cells[at * 2] === 0 ? 0 : at;
  }
}
