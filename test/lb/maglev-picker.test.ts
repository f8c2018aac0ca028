import { pickerConformance } from "./picker-conformance.ts";

pickerConformance({ policy: "maglev" }, { afterTries: false });
