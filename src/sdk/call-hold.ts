/** A stream that counts as in flight at an endpoint although it may never be begun, or be told to have ended. */
export interface CallHold {
  readonly slot: number;
  /** When it is given up, on the clock of picks; infinite once it has begun. */
  untilMs: number;
  /** Whether it counts. */
  isHeld: boolean;
}
