import type { IssuedCertificate } from "./issue-certificate.ts";

/** An authority of our own with the times of its certificate, in milliseconds since 1970. */
export interface Authority extends IssuedCertificate {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** Authorities at one moment: who signs, who will, and whose signatures still count. */
export interface AuthoritySet {
  readonly current: Authority;
  /** Trusted already, and not yet used, so that everybody has heard of it when it is. */
  readonly next: Authority | undefined;
  /** No longer used, and trusted until it ends. PEM; "" for none. */
  readonly previousCert: string;
  readonly previousNotAfterMs: number;
}

/** How long authorities and their certificates live. */
export interface AuthorityTimes {
  /** Life of an authority. At two thirds of it the next one is made. */
  readonly authorityLifeMs: number;
  /** How long the next one is published before it is used: everybody who trusts has to have read it by then. */
  readonly overlapMs: number;
  /** Life of a serving certificate. At two thirds of it the next one is made. */
  readonly servingLifeMs: number;
}

const HOUR_MS = 3_600_000;

/** An authority lives for a year, what it issues for a day. */
export const AUTHORITY_TIMES: AuthorityTimes = {
  authorityLifeMs: 365 * 24 * HOUR_MS,
  overlapMs: 24 * HOUR_MS,
  servingLifeMs: 24 * HOUR_MS,
};

/** Share of a life after which its successor is made. */
export const RENEW_AT = 2 / 3;

/**
 * What is to be done now. All replicas come to the same, because it follows from what is stored and the time alone.
 *
 * @param isPublished whether clients can have read of an authority: before, it is not used.
 * @param issue makes a new authority that is valid from now on.
 * @returns the set as it is to be; the same object if nothing is to be done.
 */
export async function advanceAuthorities(
  set: AuthoritySet | undefined,
  nowMs: number,
  times: AuthorityTimes,
  isPublished: (cert: string) => boolean,
  issue: () => Promise<Authority>,
): Promise<AuthoritySet> {
  // An authority that ended while nobody was there has no successor; whoever trusted it has to be told anew.
  if (set === undefined || (set.current.notAfterMs <= nowMs && set.next === undefined)) {
    return { current: await issue(), next: undefined, previousCert: "", previousNotAfterMs: 0 };
  }
  let { current, next, previousCert, previousNotAfterMs } = set;
  const isDue = next !== undefined && nowMs >= next.notBeforeMs + times.overlapMs && isPublished(next.cert);
  if (next !== undefined && (isDue || current.notAfterMs <= nowMs)) {
    previousCert = current.cert;
    previousNotAfterMs = current.notAfterMs;
    current = next;
    next = undefined;
  }
  if (previousCert !== "" && previousNotAfterMs <= nowMs) {
    previousCert = "";
    previousNotAfterMs = 0;
  }
  if (next === undefined && nowMs >= renewalMs(current)) next = await issue();
  const isSame = current === set.current && next === set.next && previousCert === set.previousCert;
  return isSame ? set : { current, next, previousCert, previousNotAfterMs };
}

/** @returns when a certificate's successor is to be made, in milliseconds since 1970. */
export function renewalMs({
  notBeforeMs,
  notAfterMs,
}: {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}): number {
  return notBeforeMs + (notAfterMs - notBeforeMs) * RENEW_AT;
}

/** @returns what clients are to trust, PEM. */
export function bundleOf({ current, next, previousCert }: AuthoritySet): string {
  return `${current.cert}${next?.cert ?? ""}${previousCert}`;
}
