import type { Clock } from "../../base/clock.ts";

/** What a {@link ViewAge} looks at. */
export interface ViewAgeOptions {
  /** How long what a control plane has said is believed while none is there, in ms. */
  readonly maxStaleMs: number;
  /** Whether a control plane is there now: what it says is as it has said. */
  readonly isConfirmed: () => boolean;
  readonly clock: Clock;
}

/** How long ago a control plane stood behind what it has said. Addresses of pods are given to others: who had one some time ago says ever less of who has it now. */
export class ViewAge {
  readonly #options: ViewAgeOptions;
  #confirmedMs: number;
  #isStale = false;

  constructor(options: ViewAgeOptions) {
    this.#options = options;
    this.#confirmedMs = options.clock.nowMs();
  }

  /** Whether nobody has stood behind it for too long. */
  get isStale(): boolean {
    return this.#isStale;
  }

  /** To be called a few times a second. @returns whether {@link isStale} is another than before. */
  look(): boolean {
    const { clock, isConfirmed, maxStaleMs } = this.#options;
    const nowMs = clock.nowMs();
    if (isConfirmed()) this.#confirmedMs = nowMs;
    const wasStale = this.#isStale;
    this.#isStale = nowMs - this.#confirmedMs >= maxStaleMs;
    return this.#isStale !== wasStale;
  }
}
