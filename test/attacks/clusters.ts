/** The service that innocents call, and attackers too. */
export const SHARED = "shared.test:50051";

/** @returns the service whose only endpoint attacks in this way. */
export function hostileAuthority(behaviour: string): string {
  return `${behaviour}.hostile.test:50051`;
}

/** The service whose endpoint takes short header lists only. */
export const STRICT = "strict.test:50051";
