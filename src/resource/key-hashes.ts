import { mixBits } from "../base/hash-octets.ts";
import type { LoadBalancing } from "./load-balancing.ts";

/** @returns whether pickers of a policy want {@link keyHashes} of the endpoints: those that hash, and policies of one's own, which may. */
export function wantsKeyHashes(policy: LoadBalancing["policy"]): boolean {
  return policy === "ring_hash" || policy === "maglev" || policy.startsWith("module:");
}

/**
 * Two hashes of each endpoint's key, by turns: the same in every process. Keys are told apart by both.
 *
 * Made where a snapshot is encoded and not by those who pick: of 10,000 endpoints they take milliseconds, in which a worker would serve nobody.
 */
export function keyHashes(endpoints: readonly { readonly key: string }[]): Uint32Array<ArrayBuffer> {
  const hashes = new Uint32Array(endpoints.length * 2);
  for (let i = 0; i < endpoints.length; i++) {
    const { key } = endpoints[i]!;
    hashes[2 * i] = hashKey(key, 0);
    hashes[2 * i + 1] = hashKey(key, 0x51ed270b);
  }
  return hashes;
}

/** FNV-1a over the UTF-16 code units, its bits mixed. */
function hashKey(key: string, seed: number): number {
  let hash = 0x811c9dc5 ^ seed;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return mixBits(hash);
}
