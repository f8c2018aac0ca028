import { FieldRole, ROLE_MASK } from "./field-role.ts";
import { literalHash } from "./literal-hash.ts";
import type { LiteralScanner } from "./literal-scanner.ts";

const SLOTS = 64;
const NAME_OCTETS = 64;
/** Sightings that make a name worth a dynamic table entry of its own. */
const WORTHWHILE = 8;
const HIGHEST_SCORE = 64;
const BANNED = -1;

/** Serials of names start here, above every id of an {@link InternPool}. */
export const FIRST_NAME_SERIAL = 2 ** 20;
const LAST_NAME_SERIAL = 2 ** 30;

/**
 * The literal names fields with ever-changing values come with (traceparent, grpc-timeout): an encoder that once put such a
 * field in its table can refer to its name from then on. One per worker; names that stop coming give way to others.
 */
export class NameCache {
  readonly #bytes: Uint8Array;
  readonly #scanner: LiteralScanner;
  readonly #names = new Uint8Array(SLOTS * NAME_OCTETS);
  readonly #octets = new Uint8Array(SLOTS);
  readonly #scores = new Uint8Array(SLOTS);
  /** 0 not yet worthwhile, {@link BANNED} never, otherwise the name's serial. */
  readonly #serials = new Int32Array(SLOTS);
  #nextSerial = FIRST_NAME_SERIAL;

  constructor(bytes: Uint8Array, scanner: LiteralScanner) {
    this.#bytes = bytes;
    this.#scanner = scanner;
  }

  /**
   * Counts a sighting of the name whose string literal is at `offset`.
   * @returns the name's serial, never reused for another name, or 0 for a name that needs none (yet).
   */
  see(offset: number, octets: number): number {
    if (octets > NAME_OCTETS) return 0;
    const slot = literalHash(this.#bytes, offset, octets, 0) & (SLOTS - 1);
    if (!this.#isIn(slot, offset, octets)) {
      if (this.#scores[slot]! > 0) {
        this.#scores[slot]!--;
        return 0;
      }
      this.#octets[slot] = octets;
      this.#serials[slot] = 0;
      for (let i = 0; i < octets; i++) this.#names[slot * NAME_OCTETS + i] = this.#bytes[offset + i]!;
    }
    const score = this.#scores[slot]!;
    if (score < HIGHEST_SCORE) this.#scores[slot] = score + 1;
    let serial = this.#serials[slot]!;
    if (serial === 0 && score >= WORTHWHILE) {
      serial = this.#serialFor(offset, octets);
      this.#serials[slot] = serial;
    }
    return Math.max(serial, 0);
  }

  #isIn(slot: number, offset: number, octets: number): boolean {
    if (this.#octets[slot] !== octets) return false;
    const at = slot * NAME_OCTETS;
    for (let i = 0; i < octets; i++) if (this.#names[at + i] !== this.#bytes[offset + i]) return false;
    return true;
  }

  /** Using a name means that one value of it enters a table: never for credentials. */
  #serialFor(offset: number, octets: number): number {
    const next = this.#scanner.name(offset, offset + octets);
    if (next < 0 || (this.#scanner.kind & ROLE_MASK) === FieldRole.sensitive) return BANNED;
    if (this.#nextSerial === LAST_NAME_SERIAL) this.#nextSerial = FIRST_NAME_SERIAL;
    return this.#nextSerial++;
  }
}
