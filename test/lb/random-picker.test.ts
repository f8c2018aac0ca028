import { pickerConformance } from "./picker-conformance.ts";

pickerConformance({ policy: "random" });
