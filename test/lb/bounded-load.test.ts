import { LOAD_BALANCING_DEFAULTS } from "../../src/resource/load-balancing.ts";
import { pickerConformance } from "./picker-conformance.ts";

// Full ones give to the others, which evens out what the weights say.
pickerConformance(
  { policy: "maglev", hash: { ...LOAD_BALANCING_DEFAULTS.hash, balanceFactor: 150 } },
  { weighted: 0.1, afterTries: false },
);
