import type { Random } from "../../base/random.ts";
import type { TierLoads } from "../tier-loads.ts";
import { NO_SLOT, READ_KIND_NAMES, ReadKind } from "./pick-layout.ts";
import type { PickRecord } from "./pick-record.ts";

/**
 * The loads and draws of a record, given again in the order in which they were noted. A pick that asks for anything else, or in
 * another order, is not the recorded one.
 */
export class ReplayedReads implements TierLoads, Random {
  readonly #record: PickRecord;
  #reads = 0;
  #draws = 0;

  constructor(record: PickRecord) {
    this.#record = record;
  }

  /** What the record has that was not asked for; "" for nothing. */
  get left(): string {
    const reads = this.#record.reads.length - this.#reads;
    const draws = this.#record.draws.length - this.#draws;
    return reads === 0 && draws === 0 ? "" : `${reads} loads and ${draws} draws were not asked for`;
  }

  /** @throws RangeError when this is not what was read next. */
  inFlight(slot: number): number {
    return this.#read(slot, ReadKind.inFlight);
  }

  /** @throws RangeError as {@link inFlight}. */
  load(slot: number): number {
    return this.#read(slot, ReadKind.load);
  }

  /** @throws RangeError as {@link inFlight}. */
  total(): number {
    return this.#read(NO_SLOT, ReadKind.total);
  }

  /** @throws RangeError as {@link inFlight}. */
  own(slot: number): number {
    return this.#read(slot, ReadKind.own);
  }

  /** @throws RangeError as {@link inFlight}. */
  usual(): number {
    return this.#read(NO_SLOT, ReadKind.usual);
  }

  /** @throws RangeError when more is drawn than was recorded. */
  nextInt(): number {
    return this.nextFloat();
  }

  /** @throws RangeError as {@link nextInt}. */
  nextFloat(): number {
    const value = this.#record.draws[this.#draws++];
    if (value === undefined) throw new RangeError(`draw ${this.#draws}: the record has fewer`);
    return value;
  }

  #read(slot: number, kind: ReadKind): number {
    const read = this.#record.reads[this.#reads++];
    if (read === undefined) throw new RangeError(`read ${this.#reads}: the record has fewer`);
    if (read.slot !== slot || read.kind !== kind) {
      const found = `${READ_KIND_NAMES[kind]}(${slot})`;
      throw new RangeError(
        `read ${this.#reads}: found ${found}, recorded ${READ_KIND_NAMES[read.kind]}(${read.slot})`,
      );
    }
    return read.value;
  }
}
