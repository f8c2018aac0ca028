import { FieldRecord, INTERNED_OCTETS, LITERAL_HEAD_OCTETS } from "./field-block.ts";
import { FieldRole } from "./field-role.ts";
import { fieldNumber } from "./field-value.ts";
import { TIMEOUT_NAME_OCTETS, writeGrpcTimeout } from "./write-field.ts";

/** A prime, so that round numbers do not share a place. */
const PLACES = 31;
/** What a header list counts for the field beside its value: the name, and 32. Source: RFC 7541 §4.1. */
const SIZE_BESIDE_VALUE = "grpc-timeout".length + 32;

/** Where fields are interned: an InternPool. */
export interface FieldPool {
  intern(
    staticName: number,
    offset: number,
    octets: number,
    sizeOctets: number,
    role: number,
    number: number,
  ): number;
  release(id: number): void;
}

/**
 * `grpc-timeout` fields of limits that are the same for many requests: interned, so that an encoder has them in its table and the
 * limit of a whole service takes an octet on a connection. As a literal it took 18, and a twentieth of a request's time.
 *
 * Keeps a reference to the fields of the last values, 31 at most.
 */
export class TimeoutFields {
  readonly #bytes: Uint8Array;
  readonly #pool: FieldPool;
  readonly #timeoutsMs = new Float64Array(PLACES);
  /** 0 where the pool had no room. */
  readonly #ids = new Int32Array(PLACES);

  constructor(bytes: Uint8Array, pool: FieldPool) {
    this.#bytes = bytes;
    this.#pool = pool;
  }

  /**
   * Writes the field's record, of at most GRPC_TIMEOUT_OCTETS; so much is what it takes encoded, too. The reference in it is
   * the pool's: the record is to be encoded before another one is written, and not to be released.
   *
   * @param timeoutMs whole milliseconds, 1 or more.
   * @returns the end offset.
   */
  write(at: number, timeoutMs: number): number {
    const place = (timeoutMs >>> 0) % PLACES;
    if (this.#timeoutsMs[place] !== timeoutMs) this.#take(place, at, timeoutMs);
    const id = this.#ids[place]!;
    const bytes = this.#bytes;
    if (id === 0) return writeGrpcTimeout(bytes, at, timeoutMs);
    bytes[at] = FieldRecord.interned;
    bytes[at + 1] = id;
    bytes[at + 2] = id >>> 8;
    bytes[at + 3] = id >>> 16;
    bytes[at + 4] = id >>> 24;
    return at + INTERNED_OCTETS;
  }

  /** Gives the references back: for a worker that has nothing to do, and should keep nothing. */
  clear(): void {
    for (let place = 0; place < PLACES; place++) {
      if (this.#ids[place] !== 0) this.#pool.release(this.#ids[place]!);
      this.#ids[place] = 0;
      this.#timeoutsMs[place] = 0;
    }
  }

  #take(place: number, at: number, timeoutMs: number): void {
    if (this.#ids[place] !== 0) this.#pool.release(this.#ids[place]!);
    const octets = writeGrpcTimeout(this.#bytes, at, timeoutMs) - at - LITERAL_HEAD_OCTETS;
    const strings = at + LITERAL_HEAD_OCTETS;
    const valueOctets = octets - TIMEOUT_NAME_OCTETS - 1;
    const value = strings + TIMEOUT_NAME_OCTETS + 1;
    const role = FieldRole.grpcTimeout;
    const number = fieldNumber(role, this.#bytes, value, valueOctets);
    const id = this.#pool.intern(0, strings, octets, SIZE_BESIDE_VALUE + valueOctets, role, number);
    this.#ids[place] = Math.max(id, 0);
    this.#timeoutsMs[place] = timeoutMs;
  }
}
