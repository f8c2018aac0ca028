import { TokenBucket } from "../../base/token-bucket.ts";
import { FloodBudget } from "../../h2/flood-budget.ts";
import type { FloodLimit } from "../../h2/flood-limits.ts";
import { CALLER_SHARE } from "../../h2/flood-limits.ts";

/** Seconds of new connections a caller may open at once after a quiet time. */
const BURST_SECONDS = 4;

/** One source address with all its connections to this worker: the account that limits are kept by. */
export class Caller {
  /** The address without port, IPv4 never in its IPv6 form; "" for all of a unix socket. */
  readonly address: string;
  /** By what its account is known: the address, or a pod's UID. */
  readonly identity: string;
  /** What all its connections may do together of what floods are made of. */
  readonly floods: FloodBudget;
  readonly arrivals: TokenBucket;
  connections = 0;
  /** When its last connection went. */
  idleSinceMs = 0;
  /** Octets its streams hold, and those of them on the way to endpoints: as of the last count, see HeldOctets. */
  heldOctets = 0;
  requestOctets = 0;
  /** Number of that count. */
  counted = 0;

  constructor(
    address: string,
    floods: readonly FloodLimit[],
    perSecond: number,
    nowMs: number,
    identity: string = address,
  ) {
    this.address = address;
    this.identity = identity;
    this.floods = new FloodBudget(floods, CALLER_SHARE);
    this.arrivals = new TokenBucket(perSecond * BURST_SECONDS, perSecond, nowMs);
  }
}
