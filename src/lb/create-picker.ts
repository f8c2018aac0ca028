import type { LoadBalancingPolicy } from "../resource/load-balancing.ts";
import type { CandidateSet } from "./candidate-set.ts";
import { LeastRequestPicker } from "./least-request-picker.ts";
import type { Picker } from "./picker.ts";
import { RandomPicker } from "./random-picker.ts";
import { RoundRobinPicker } from "./round-robin-picker.ts";

/** The picker of a policy over one candidate set. Cheap enough for every update: O(number of candidates). */
export function createPicker(policy: LoadBalancingPolicy, candidates: CandidateSet): Picker {
  switch (policy) {
    case "least_request":
      return new LeastRequestPicker(candidates);
    case "round_robin":
      return new RoundRobinPicker(candidates);
    case "random":
      return new RandomPicker(candidates);
    default:
      throw new Error(`load balancing policy ${policy}: is not built in`);
  }
}
