import type { LookupAnswer } from "./address-lookup.ts";

/** How long an {@link AnswerMemory} trusts what it knows. */
export interface AnswerTrust {
  /** How long the last good answer outlives failing lookups, in milliseconds. */
  readonly maxStaleMs: number;
  /** How long "there is nothing" must persist before it is believed, in milliseconds. */
  readonly emptyHoldMs: number;
}

/** What to make of one more answer. */
export interface Belief {
  readonly addresses: readonly string[];
  /** Why the addresses are not simply those of the answer; empty when they are. */
  readonly reason: string;
}

/**
 * What is believed of one name and family: the last good answer, kept while lookups fail (bounded, because addresses
 * are given to other pods within minutes) and while an empty answer may be a hiccup of the name server.
 */
export class AnswerMemory {
  #addresses: readonly string[] = [];
  #goodAtMs = Number.NEGATIVE_INFINITY;
  #emptySinceMs: number | undefined;

  /** @param nowMs of a monotonic clock. */
  learn(answer: LookupAnswer, trust: AnswerTrust, nowMs: number): Belief {
    if (answer.kind === "addresses") {
      // Sorted: servers rotate their records, and order must not look like change.
      this.#addresses = [...new Set(answer.addresses)].sort();
      this.#goodAtMs = nowMs;
      this.#emptySinceMs = undefined;
      return { addresses: this.#addresses, reason: "" };
    }
    if (answer.kind === "empty") this.#emptySinceMs ??= nowMs;
    else this.#emptySinceMs = undefined;
    const isStale = nowMs - this.#goodAtMs > trust.maxStaleMs;
    const isEmpty = this.#emptySinceMs !== undefined && nowMs - this.#emptySinceMs >= trust.emptyHoldMs;
    if (isStale || isEmpty) this.#addresses = [];
    if (answer.kind === "failed") {
      return { addresses: this.#addresses, reason: `lookup failed (${answer.reason})` };
    }
    const isHeld = this.#addresses.length > 0;
    return { addresses: this.#addresses, reason: isHeld ? "no addresses in the answer, held back" : "" };
  }
}
