const WIDTH = 2 ** 32;

/**
 * How well one proxy and each endpoint go together: a number from both their hashes, so that every proxy has another order of the endpoints, and every
 * endpoint another order of the proxies. An endpoint of twice the weight is among the best twice as often.
 *
 * Source: Schindelhauer and Schomaker, "Weighted distributed hash tables" (logarithmic method).
 *
 * @param member the proxy's hash.
 * @param endpoints the endpoints' hashes, and their weights.
 * @param scores takes the numbers, by endpoint: the higher the better.
 */
export function pairScores(
  member: number,
  endpoints: Uint32Array,
  weights: Float64Array,
  scores: Float64Array,
): void {
  // Names that differ in little are to have nothing in common, and hashes of both kinds are made alike.
  const own = mixed(member ^ 0x9e3779b9);
  let isEven = true;
  for (let i = 1; i < weights.length; i++) if (weights[i] !== weights[0]) isEven = false;
  for (let i = 0; i < endpoints.length; i++) scores[i] = mixed(own ^ endpoints[i]!);
  if (isEven) return;
  for (let i = 0; i < scores.length; i++) scores[i] = Math.log((scores[i]! + 0.5) / WIDTH) / weights[i]!;
}

/** The last step of MurmurHash3: every bit of what comes out depends on every one that goes in. */
function mixed(bits: number): number {
  let hash = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
