/** Time as the core sees it: passed in, so that tests and replay own it. */
export interface Clock {
  /** Milliseconds since an arbitrary start, never going back, with fractions. */
  nowMs(): number;
}

/** The process's monotonic clock. */
export const monotonicClock: Clock = { nowMs: () => performance.now() };
