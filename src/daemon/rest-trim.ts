import { collectGarbage } from "./collect-garbage.ts";

/** For how long there has to be nothing to do, and how often garbage is collected at most, in ms. */
const REST_MS = 3_000;
const INTERVAL_MS = 10_000;
/** Growth since the last collection that is worth one. */
const WORTH_SHARE = 0.2;
const WORTH_OCTETS = 4_194_304;

/**
 * Gives back what has grown on a data-plane thread's heap, while the thread has nothing to do: connections that came and went leave pages that are hardly used, with a thousand services
 * up to 35 MB. It takes tens of ms, in which nobody is served; so never while there are streams, or were lately.
 */
export class RestTrim {
  readonly #collect: () => void;
  #begun = -1;
  #restSinceMs = 0;
  #collectedMs = Number.NEGATIVE_INFINITY;
  /** Size of the heap after the last collection. */
  #floorOctets = 0;
  #collected = true;

  /** @param collect for tests. */
  constructor(collect: () => void = collectGarbage) {
    this.#collect = collect;
  }

  /**
   * To be called several times a second.
   *
   * @param begun streams that have begun so far. @param open what is open now that may want to be served.
   * @param heapOctets what the heap takes, garbage and holes included.
   */
  look(nowMs: number, begun: number, open: number, heapOctets: number): void {
    if (this.#collected) {
      this.#collected = false;
      this.#floorOctets = heapOctets;
    }
    if (open > 0 || begun !== this.#begun) {
      this.#begun = begun;
      this.#restSinceMs = nowMs;
      return;
    }
    const grown = heapOctets - this.#floorOctets;
    if (grown < WORTH_OCTETS || grown < this.#floorOctets * WORTH_SHARE) return;
    if (nowMs - this.#restSinceMs < REST_MS || nowMs - this.#collectedMs < INTERVAL_MS) return;
    this.#collectedMs = nowMs;
    this.#collected = true;
    this.#collect();
  }
}
