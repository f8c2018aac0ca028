let numbers = new Int32Array(0);

/**
 * The numbers 0 to `count` - 1, for whoever takes all endpoints of a snapshot: a part of one array that all share, so never to be
 * written to.
 */
export function countingFromZero(count: number): Int32Array {
  if (count > numbers.length) {
    numbers = new Int32Array(Math.max(1024, 2 ** Math.ceil(Math.log2(count))));
    for (let i = 0; i < numbers.length; i++) numbers[i] = i;
  }
  return numbers.subarray(0, count);
}
