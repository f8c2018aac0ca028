/**
 * Some ranges of a column, one after the other: where it is one range as they lie, so never to be written to.
 *
 * @param ranges first index of each and that after its last, by turns.
 */
export function partsOf<A extends Int32Array | Float64Array>(column: A, ranges: readonly number[]): A {
  if (ranges.length === 2) return column.subarray(ranges[0], ranges[1]) as A;
  let length = 0;
  for (let i = 0; i < ranges.length; i += 2) length += ranges[i + 1]! - ranges[i]!;
  const parts = (column instanceof Int32Array ? new Int32Array(length) : new Float64Array(length)) as A;
  let at = 0;
  for (let i = 0; i < ranges.length; i += 2) {
    parts.set(column.subarray(ranges[i], ranges[i + 1]), at);
    at += ranges[i + 1]! - ranges[i]!;
  }
  return parts;
}
