import type { ConnectionOptions } from "node:tls";
import type { HealthCheckResult } from "../resource/health-check.ts";

/** Who is asked, and how it is reached. */
export interface ProbeTarget {
  /** An IP literal. */
  readonly address: string;
  readonly port: number;
  /** The cluster's name, for probes that name whom they ask. */
  readonly authority: string;
  /** Makes options for a secure connection as the cluster's identity; undefined for clear text. It throws while there is none. */
  readonly tls: (() => ConnectionOptions) | undefined;
}

/** What came of one check. */
export interface ProbeAnswer {
  readonly result: HealthCheckResult;
  /** For people: what was found. */
  readonly detail: string;
  /** The endpoint does not know this kind of check; it counts as a success. */
  readonly unsupported?: boolean;
}

/** Asks one endpoint whether it is well. One check at a time. */
export interface Probe {
  /** Never rejects, and is over within `timeoutMs`. */
  check(timeoutMs: number): Promise<ProbeAnswer>;
  /** Drops what it keeps between checks: the next one begins anew, with the certificates of then. */
  reset(): void;
}

/** @returns the answer that an error stands for. */
export function answerOfError(error: unknown): ProbeAnswer {
  const { code = "", message = String(error) } = (error ?? {}) as { code?: string; message?: string };
  return {
    result: "network",
    detail: code === "" || message.includes(code) ? message : `${message} (${code})`,
  };
}

/** @returns the answer when the time was up. */
export function timedOut(timeoutMs: number): ProbeAnswer {
  return { result: "timeout", detail: `no answer within ${timeoutMs} ms` };
}
