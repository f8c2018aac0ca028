import type { NewCondition } from "../../kube/objects/condition.ts";
import type { ServiceObject } from "../../kube/objects/service-object.ts";

/** Condition of Services whose ports would be captured, and are not. */
export const CAPTURED_CONDITION = "isobar.dev/Captured";

/** Why a Service is left alone although its ports would be captured. */
export interface LeftAlone {
  readonly reason: "InsideMesh" | "IsolatedFromNodes" | "PolicyNotUnderstood";
  /** What was found, and what to do. */
  readonly message: string;
}

/** @returns what there is to say of it; undefined where there is nothing to say, as of most. */
export function captureCondition(
  { conditions, generation }: ServiceObject,
  left: LeftAlone | undefined,
): NewCondition | undefined {
  if (left === undefined && !conditions.some(({ type }) => type === CAPTURED_CONDITION)) return undefined;
  return {
    type: CAPTURED_CONDITION,
    status: left === undefined ? "True" : "False",
    reason: left?.reason ?? "NothingAgainstIt",
    message: left?.message ?? "nothing speaks against it",
    observedGeneration: generation,
  };
}
