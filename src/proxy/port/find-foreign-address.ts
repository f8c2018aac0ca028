import { parseIpAddress } from "../../base/ip-address.ts";
import { TunnelResult } from "../../telemetry/port-cell.ts";
import type { OwnAddresses } from "./own-addresses.ts";
import type { TargetGuard } from "./target-guard.ts";
import type { TargetLookup } from "./target-lookup.ts";
import type { TunnelTarget } from "./tunnel-target.ts";

/** The one address to dial, or why there is none. */
export interface ForeignAddress {
  readonly result: TunnelResult;
  /** An IP literal when the result is `allowed`. */
  readonly address: string;
}

/**
 * Finds the address of a tunnel's target that is no cluster. A name is resolved once, and the address that was judged is the one
 * returned: what is dialled cannot be another one by then.
 */
export async function findForeignAddress(
  target: TunnelTarget,
  guard: TargetGuard,
  own: OwnAddresses,
  lookup: TargetLookup,
): Promise<ForeignAddress> {
  if (target.address !== undefined) {
    return { result: guard.judge(target, target.address, own), address: target.host };
  }
  if (!guard.mayResolve(target)) return { result: TunnelResult.notAllowed, address: "" };
  if (lookup.busy) return { result: TunnelResult.busy, address: "" };
  const texts = await lookup.find(target.host);
  // Every address has to be one that may be dialled: a name that also leads to a forbidden one is somebody's trick.
  for (const text of texts) {
    const address = parseIpAddress(text);
    const result = address === undefined ? TunnelResult.malformed : guard.judge(target, address, own);
    if (result !== TunnelResult.allowed) return { result, address: "" };
  }
  const [address = ""] = texts;
  return { result: address === "" ? TunnelResult.unresolved : TunnelResult.allowed, address };
}
