import type { LoadBalancing } from "../../resource/load-balancing.ts";
import type { CandidateSet } from "../candidate-set.ts";
import type { Picker } from "../picker.ts";

/** A picker as a team's own policy makes it. */
export type OwnPicker = Pick<Picker, "pick">;

/**
 * What the file of a policy exports as `createPicker`: makes the picker over one set of candidates, for every set anew. Called outside of
 * requests, so it may take its time to prepare tables.
 */
export type PolicyModule = (candidates: CandidateSet, settings: LoadBalancing) => OwnPicker;

/** @returns the module's policy as one that can be judged and wrapped; what is wrong with its shape is a text. */
export function policyOf(module: { readonly createPicker?: unknown }): PolicyModule | string {
  const found = module.createPicker;
  if (typeof found === "function") return found as PolicyModule;
  return `it exports ${found === undefined ? "no createPicker" : `a ${typeof found} as createPicker`}, wanted a function`;
}
