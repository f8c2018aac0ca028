/** Where spans begin in a batch: before them is room for what goes before them in a request, and at the very beginning a word that says whose the memory is. */
export const SPANS_AT = 1_024;

const FREE = 0;
const TAKEN = 1;

/** The spans of some calls, ready to be sent. */
export interface SpanBatch {
  /** Calls that are told; a call is one span and one for each of its attempts. */
  readonly calls: number;
  /**
   * From {@link SPANS_AT} on spans as the repeated field `spans` of an opentelemetry.proto.trace.v1.ScopeSpans. Memory that threads share and use again: batches
   * come several times a second, and as garbage they would cost more than what is in them.
   */
  readonly octets: Uint8Array<SharedArrayBuffer>;
}

/** @returns new memory for batches, which is taken. */
export function makeMemory(octets: number): Buffer<SharedArrayBuffer> {
  const memory = Buffer.from(new SharedArrayBuffer(octets));
  takeMemory(memory);
  return memory;
}

/** @returns whether nobody uses it any more; then it is taken again. */
export function takeMemory(memory: Uint8Array<SharedArrayBuffer>): boolean {
  return Atomics.compareExchange(stateOf(memory), 0, FREE, TAKEN) === FREE;
}

/** The batch is not used any more: its memory may be written anew from now on. */
export function releaseBatch({ octets }: SpanBatch): void {
  Atomics.store(stateOf(octets), 0, FREE);
}

function stateOf({ buffer }: Uint8Array<SharedArrayBuffer>): Int32Array {
  return new Int32Array(buffer, 0, 1);
}
