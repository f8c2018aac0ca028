import { pickerConformance } from "./picker-conformance.ts";

pickerConformance("random");
