import type { CallerPod } from "./caller-pod.ts";
import type { RequestScope } from "./request-scope.ts";

/** What the accept of a captured connection says of it, for its whole life. */
export interface Origin {
  /** Who calls; undefined for `isobar capture` itself. */
  readonly pod: CallerPod | undefined;
  /** The service it came to, by the address; "" where its requests, or its tunnel, say so. */
  readonly service: string;
  readonly scope: RequestScope;
  /** Number of the address it came to (resource/any-ip.ts). */
  readonly number: number;
}
