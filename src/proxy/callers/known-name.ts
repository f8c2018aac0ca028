import { LITERAL_HEAD_OCTETS } from "../../h2/hpack/field-block.ts";
import { FieldRole } from "../../h2/hpack/field-role.ts";
import type { InternPool } from "../../h2/hpack/intern-pool.ts";
import { staticNameIndex } from "../../h2/hpack/static-table.ts";
import { literalRecord } from "../../h2/hpack/write-field.ts";
import type { ProxyContext } from "../proxy-context.ts";

const AUTHORITY = ":authority";
/** What a field's size has beside its name and value. Source: RFC 7541 §4.1. */
const FIELD_OVERHEAD = 32;

/** An authority that we know, with an id like those that clients' own have: what it leads to is remembered by it. */
export class KnownName {
  readonly text: string;
  readonly octets: Buffer;
  readonly #pool: InternPool;
  #intern: number;

  /** @param text in lower case. */
  constructor({ engine, replyScratch }: Pick<ProxyContext, "engine" | "replyScratch">, text: string) {
    this.text = text;
    this.octets = Buffer.from(text, "latin1");
    const { slab, pool } = engine;
    this.#pool = pool;
    const literal = literalRecord(AUTHORITY, text).subarray(LITERAL_HEAD_OCTETS);
    // Not in the engine's scratch memory: the block of a request may be there.
    slab.bytes.set(literal, replyScratch);
    const size = AUTHORITY.length + text.length + FIELD_OVERHEAD;
    const name = staticNameIndex(AUTHORITY);
    this.#intern = pool.intern(name, replyScratch, literal.length, size, FieldRole.authority, 0);
  }

  /** 0 where there was no room for one. */
  get intern(): number {
    return Math.max(0, this.#intern);
  }

  /** Gives the id back; to be called once. */
  release(): void {
    if (this.#intern > 0) this.#pool.release(this.#intern);
    this.#intern = 0;
  }
}
