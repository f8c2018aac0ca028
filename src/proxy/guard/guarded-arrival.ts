import type { Origin } from "../callers/origin.ts";
import type { Caller } from "./caller.ts";

/** A client's connection that is not HTTP/2, or not known to be yet, as limits and sweeps see it. */
export interface GuardedArrival {
  readonly caller: Caller;
  /** What the accept of a captured connection says. */
  readonly origin: Origin | undefined;
  /** Octets of it that wait in the slab, both ways. */
  readonly heldOctets: number;
  /** Whether it is closed already, and what it holds on its way back. */
  readonly closing: boolean;
  /** The proxy is leaving. */
  drain(): void;
  /** Closes what nobody has used for long. */
  sweep(nowMs: number): void;
  /** Its address has another owner: closes at once, whoever handles what comes on it. */
  displace(): void;
  /** Closes at once. @returns whether something was under way. */
  cutOff(): boolean;
}
