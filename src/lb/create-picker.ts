import type { LoadBalancing } from "../resource/load-balancing.ts";
import type { CandidateSet } from "./candidate-set.ts";
import { LeastRequestPicker } from "./least-request-picker.ts";
import { MaglevPicker } from "./maglev-picker.ts";
import type { Picker } from "./picker.ts";
import { RandomPicker } from "./random-picker.ts";
import { RingHashPicker } from "./ring-hash-picker.ts";
import { RoundRobinPicker } from "./round-robin-picker.ts";

/** Makes pickers of policies that do not come with the product. */
export interface PolicyModules {
  /** @returns undefined while the module may not serve: not loaded yet, or dropped. */
  create(settings: LoadBalancing, candidates: CandidateSet): Picker | undefined;
}

/**
 * The picker of a policy over one candidate set, made of these two alone. Cheap enough for every update: O(number of candidates); what
 * is dearer (tables of hashes) is made by {@link Picker.prepare} or the first pick.
 *
 * @param modules for policies `module:…`; without it, or while it has none, they pick like `least_request`.
 */
export function createPicker(
  settings: LoadBalancing,
  candidates: CandidateSet,
  modules?: PolicyModules,
): Picker {
  switch (settings.policy) {
    case "least_request":
      return new LeastRequestPicker(candidates, settings);
    case "round_robin":
    // Its weights are made of reports, and come with the candidates.
    case "client_side_weighted_round_robin":
      return new RoundRobinPicker(candidates, settings.slowStart);
    case "random":
      return new RandomPicker(candidates, settings.slowStart);
    case "ring_hash":
      return new RingHashPicker(candidates, settings.hash);
    case "maglev":
      return new MaglevPicker(candidates, settings.hash);
    default:
      return modules?.create(settings, candidates) ?? new LeastRequestPicker(candidates, settings);
  }
}
