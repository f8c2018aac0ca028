import { go } from "./harness/go.ts";
import { testRoute } from "./harness/suite.ts";

testRoute(go);
