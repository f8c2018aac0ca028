import type { Caller } from "../../resource/caller.ts";

/** A pod of this node as workers are told of it: the numbers are the main thread's, the same in all of them. */
export interface NumberedCaller extends Caller {
  /** Class of its namespace, 1 to 255: what of one class waits, or has to be sent, is kept from what is of another (caller-classes.ts). */
  readonly callerClass: number;
  /** Number that its namespace's requests are counted by (telemetry/source-names.ts). */
  readonly source: number;
}
