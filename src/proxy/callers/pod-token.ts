import type { HeaderChange } from "../../route/header-change.ts";

/** What says to the endpoints of one service who a pod is, as a change of headers. */
export interface PodToken {
  readonly service: string;
  /** The header's value. */
  readonly text: string;
  readonly change: HeaderChange;
  /** From then on, on the worker's clock, another one is made. */
  readonly renewMs: number;
}
