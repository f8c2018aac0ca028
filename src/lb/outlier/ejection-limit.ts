/** Who is in a cluster, as far as ejections are limited by it. */
export interface EjectionCensus {
  /** Endpoints that discovery calls healthy. */
  readonly total: number;
  /** Those of them that are ejected. */
  readonly ejected: number;
  /** Those of them that are not set aside, for whatever reason. */
  readonly usable: number;
}

/**
 * @param maxShare largest share that may be ejected, 0 to 1; a share above 0 allows one, however few there are.
 * @returns whether one more may be ejected: never the last that is usable.
 */
export function mayEject({ total, ejected, usable }: EjectionCensus, maxShare: number): boolean {
  if (maxShare <= 0 || usable < 2) return false;
  return ejected < Math.max(1, Math.floor(total * maxShare));
}
