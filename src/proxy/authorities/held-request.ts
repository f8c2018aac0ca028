import { HEAD_SPARE_OCTETS } from "../attach.ts";
import { ExchangeBit, Phase } from "../exchange-table.ts";
import type { ProxyContext } from "../proxy-context.ts";
import type { Resumable } from "./authority-waiting.ts";
import type { RequestNames } from "./request-names.ts";

const LONGEST_PATH_OCTETS = 8192;

/**
 * A request that waits for word of its authority: its field block lies in the slab as that of any request that waits, and what the decoder knew
 * of it is kept here. Its body is held as for other requests without an endpoint.
 */
export class HeldRequest implements RequestNames {
  readonly authorityIntern = 0;
  readonly hasAuthority = true;
  readonly authorityLength: number;
  readonly pathIntern = 0;
  readonly pathLength: number;
  readonly previousAttempts: number;
  readonly outLiteralOctets: number;
  readonly listOctets: number;
  timeoutMs: number;
  readonly sink: Resumable;
  readonly source: string;
  readonly sinceMs: number;
  readonly #context: ProxyContext;
  readonly #authority: Buffer;
  readonly #path: Buffer;

  /** @param source address of the caller. */
  constructor(context: ProxyContext, sink: Resumable, source: string, request: RequestNames) {
    const { replyScratch, engine, time } = context;
    const { bytes } = engine.slab;
    this.#context = context;
    this.sink = sink;
    this.source = source;
    this.sinceMs = time.nowMs;
    this.authorityLength = request.readAuthority(replyScratch);
    this.#authority = Buffer.from(bytes.subarray(replyScratch, replyScratch + this.authorityLength));
    this.pathLength = request.pathLength > LONGEST_PATH_OCTETS ? 0 : request.readPath(replyScratch);
    this.#path = Buffer.from(bytes.subarray(replyScratch, replyScratch + this.pathLength));
    this.previousAttempts = request.previousAttempts;
    this.outLiteralOctets = request.outLiteralOctets;
    this.listOctets = request.listOctets;
    this.timeoutMs = request.timeoutMs;
  }

  readAuthority(out: number): number {
    return this.#authority.copy(this.#context.engine.slab.bytes, out);
  }

  readPath(out: number): number {
    return this.#path.copy(this.#context.engine.slab.bytes, out);
  }

  /** Puts the field block from `engine.scratch` aside. @returns false when the octet budget has no room for it. */
  hold(slot: number, octets: number): boolean {
    const { exchanges, engine, deadlines, time, turn } = this.#context;
    const { slab, scratch } = engine;
    const size = octets + HEAD_SPARE_OCTETS;
    if (slab.usedOctets + size > engine.softCapacityOctets) engine.relieve();
    const block = slab.usedOctets + size > engine.softCapacityOctets ? 0 : slab.alloc(size);
    if (block === 0) return false;
    slab.bytes.copyWithin(block, scratch, scratch + octets);
    exchanges.headBlock[slot] = block;
    exchanges.headOctets[slot] = octets;
    exchanges.bits[slot]! |= ExchangeBit.movable;
    exchanges.phase[slot] = Phase.unrouted;
    if (this.timeoutMs >= 0) {
      const due = time.nowMs + this.timeoutMs;
      exchanges.dueMs[slot] = due;
      deadlines.set(slot, due);
      if (due < time.earliestDueMs) time.earliestDueMs = due;
      turn.schedule();
    }
    return true;
  }

  /** Lets the request go on from where it waited. */
  resume(slot: number): void {
    const { exchanges, engine, deadlines, time } = this.#context;
    const { slab, scratch } = engine;
    const block = exchanges.headBlock[slot]!;
    const octets = exchanges.headOctets[slot]!;
    slab.bytes.copyWithin(scratch, block, block + octets);
    // The references that the block owns go with the copy.
    slab.free(block);
    exchanges.headBlock[slot] = 0;
    exchanges.phase[slot] = Phase.none;
    exchanges.bits[slot]! &= ~ExchangeBit.movable;
    if (exchanges.dueMs[slot]! > 0) {
      this.timeoutMs = Math.max(0, exchanges.dueMs[slot]! - time.nowMs);
      deadlines.clear(slot);
      exchanges.dueMs[slot] = 0;
    }
    this.sink.resume(slot, octets, this);
  }
}
