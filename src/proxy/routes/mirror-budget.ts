import { TokenBucket } from "../../base/token-bucket.ts";
import type { MirrorPolicy } from "../../resource/route.ts";

/** What one route may have of copies under way in one worker. */
export class MirrorBudget {
  inFlight = 0;
  readonly #maxInFlight: number;
  readonly #bucket: TokenBucket;

  /** @param workerCount workers that share the policy's limits evenly. */
  constructor(policy: MirrorPolicy, workerCount: number, nowMs: number) {
    this.#maxInFlight = Math.ceil(policy.maxRequests / workerCount);
    const perSecond = policy.maxPerSecond / workerCount;
    this.#bucket = new TokenBucket(Math.max(1, perSecond), perSecond, nowMs);
  }

  /** Takes leave for a copy; {@link inFlight} goes down again when it is over. */
  take(nowMs: number): boolean {
    if (this.inFlight >= this.#maxInFlight || !this.#bucket.take(nowMs)) return false;
    this.inFlight++;
    return true;
  }
}
