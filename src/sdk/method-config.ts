import type { Timeouts } from "../resource/cluster-settings.ts";
import type { HedgingPolicy, RetryOn, RetryPolicy } from "../resource/retry-policy.ts";

/** The statuses that a word of Envoy's stands for where gRPC retries: it sees nothing but statuses. Source: gRFC A44. */
const STATUS_OF: Readonly<Partial<Record<RetryOn, string>>> = {
  cancelled: "CANCELLED",
  "deadline-exceeded": "DEADLINE_EXCEEDED",
  internal: "INTERNAL",
  "resource-exhausted": "RESOURCE_EXHAUSTED",
  unavailable: "UNAVAILABLE",
};

/** What of gRPC's service config is said about a method; a MethodConfig of grpc-js. */
export interface CallMethodConfig {
  readonly name: [];
  timeout?: { readonly seconds: number; readonly nanos: number };
  retryPolicy?: {
    readonly maxAttempts: number;
    readonly initialBackoff: string;
    readonly maxBackoff: string;
    readonly backoffMultiplier: number;
    readonly retryableStatusCodes: string[];
  };
  hedgingPolicy?: {
    readonly maxAttempts: number;
    readonly hedgingDelay: string;
    readonly nonFatalStatusCodes: string[];
  };
}

/**
 * Time limit and retries in the words of a service config. `connect-failure` and `refused-stream` need none: such calls move in any case.
 * `reset` has no status of its own, and is left out rather than retry what a server has answered.
 *
 * @param hedging of a method that may be asked twice: instead of retries, as gRFC A6 has it; default: none.
 */
export function methodConfigOf(
  { requestMs }: Timeouts,
  retries: RetryPolicy | null,
  hedging: HedgingPolicy | null = null,
): CallMethodConfig {
  const config: CallMethodConfig = { name: [] };
  if (requestMs > 0)
    config.timeout = { seconds: Math.floor(requestMs / 1_000), nanos: (requestMs % 1_000) * 1_000_000 };
  const retryableStatusCodes = (retries?.retryOn ?? []).flatMap((on) => STATUS_OF[on] ?? []);
  if (hedging !== null && hedging.attempts > 1) {
    config.hedgingPolicy = {
      maxAttempts: hedging.attempts,
      hedgingDelay: seconds(hedging.delayMs),
      nonFatalStatusCodes: retryableStatusCodes,
    };
    return config;
  }
  if (retries !== null && retries.attempts > 1 && retryableStatusCodes.length > 0) {
    config.retryPolicy = {
      maxAttempts: retries.attempts,
      initialBackoff: seconds(retries.backoffBaseMs),
      maxBackoff: seconds(retries.backoffMaxMs),
      backoffMultiplier: 2,
      retryableStatusCodes,
    };
  }
  return config;
}

/** @returns whether the method is listed, itself or with all of its service. @param method `/package.Service/Method`. */
export function isHedged({ methods }: HedgingPolicy, method: string): boolean {
  const all = `${method.slice(0, method.lastIndexOf("/"))}/*`;
  return methods.some((each) => each === method || each === all);
}

/** As a duration of protobuf's JSON. */
function seconds(ms: number): string {
  return `${Math.max(ms, 1) / 1_000}s`;
}
