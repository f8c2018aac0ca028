/** Label value by cell of `http1Responses`: the class of an HTTP status. */
export const CODE_CLASS_NAMES = ["2xx", "3xx", "4xx", "5xx"] as const;

/** @param status 101 to 599; 101 counts as 2xx, because it is what was asked for. @returns the cell of its class. */
export function codeClassCell(status: number): number {
  return Math.max(0, Math.min(CODE_CLASS_NAMES.length - 1, Math.trunc(status / 100) - 2));
}
