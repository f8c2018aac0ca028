/** Why a policy of one's own serves no more, as label values. */
export const POLICY_DROP_REASONS = ["load", "throws", "nonsense", "slow"] as const;

/** One of {@link POLICY_DROP_REASONS}. */
export type PolicyDropReason = (typeof POLICY_DROP_REASONS)[number];

/** Longest a pick may take, as the median of many, in microseconds. */
export const MAX_PICK_US = 20;
/** One pick in this many is timed: reading the clock costs about as much as a pick. */
const TIMED_EVERY = 32;
/** Times that a median is taken of, and how many before them say nothing, because the code is not compiled yet. */
const WINDOW = 33;
const WARM_UP = 64;

/** Watches the picks of one policy in one worker, over all clusters that use it. */
export class PolicyWatch {
  /** Why it serves no more; undefined while it does. */
  dropped: PolicyDropReason | undefined;
  readonly #onDropped: (reason: PolicyDropReason, detail: string) => void;
  readonly #nowUs: () => number;
  readonly #times = new Float64Array(WINDOW);
  readonly #sorted = new Float64Array(WINDOW);
  #picks = 0;
  #timed = 0;

  /**
   * @param nowUs a clock in microseconds, with fractions.
   * @param onDropped called once.
   */
  constructor(nowUs: () => number, onDropped: (reason: PolicyDropReason, detail: string) => void) {
    this.#nowUs = nowUs;
    this.#onDropped = onDropped;
  }

  /** To be called before a pick. @returns when it began, or -1 when it is not timed. */
  begin(): number {
    this.#picks = (this.#picks + 1) % TIMED_EVERY;
    return this.#picks === 0 ? this.#nowUs() : -1;
  }

  /** To be called after a pick that is timed. A median over the limit drops the policy; single pauses do not. */
  end(beganUs: number): void {
    const at = this.#timed - WARM_UP;
    this.#timed++;
    if (at < 0) return;
    this.#times[at % WINDOW] = this.#nowUs() - beganUs;
    if ((at + 1) % WINDOW !== 0) return;
    this.#sorted.set(this.#times);
    const medianUs = this.#sorted.sort()[WINDOW >> 1]!;
    if (medianUs > MAX_PICK_US) {
      this.drop("slow", `a pick takes ${medianUs.toFixed(1)} µs, wanted at most ${MAX_PICK_US}`);
    }
  }

  drop(reason: PolicyDropReason, detail: string): void {
    if (this.dropped !== undefined) return;
    this.dropped = reason;
    this.#onDropped(reason, detail);
  }
}
