import type { MirrorPolicy } from "../../resource/route.ts";
import { MIRROR_DEFAULTS } from "../../resource/route.ts";
import type { RouteAction_RequestMirrorPolicy } from "../generated/envoy/config/route/v3/route_components_pb.js";
import { FractionalPercent_DenominatorType } from "../generated/envoy/type/v3/percent_pb.js";
import { ResourceProblem } from "./resource-problem.ts";

const DENOMINATORS: Readonly<Record<number, number>> = {
  [FractionalPercent_DenominatorType.HUNDRED]: 100,
  [FractionalPercent_DenominatorType.TEN_THOUSAND]: 10_000,
  [FractionalPercent_DenominatorType.MILLION]: 1_000_000,
};

/** @returns where copies of requests go, with the limits of our own; null for nowhere. */
export function decodeMirror(
  policies: readonly RouteAction_RequestMirrorPolicy[],
  path: string,
): MirrorPolicy | null {
  const [policy, ...others] = policies;
  if (policy === undefined) return null;
  if (others.length > 0) throw new ResourceProblem(path, `${policies.length}`, "one at most");
  if (policy.cluster === "") throw new ResourceProblem(`${path}[0].cluster`, "none", "a name");
  const share = policy.runtimeFraction?.defaultValue;
  const percent =
    share === undefined ? 100 : (100 * share.numerator) / (DENOMINATORS[share.denominator] ?? 100);
  return percent === 0
    ? null
    : { cluster: policy.cluster, percent: Math.min(100, percent), ...MIRROR_DEFAULTS };
}
