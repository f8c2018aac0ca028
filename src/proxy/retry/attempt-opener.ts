import type { Subchannel } from "../../upstream/subchannel.ts";

/** Who finds endpoints for attempts: the dispatcher. */
export interface AttemptOpener {
  /** Puts a request in line for the end of this turn. */
  open(slot: number): void;
  /**
   * Picks for one more attempt of a request that has some under way.
   *
   * @returns an endpoint that none of them went to, with room or one that can be waited for; undefined when there is none.
   */
  another(slot: number): Subchannel | undefined;
}
