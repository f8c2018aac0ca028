import { go } from "./harness/go.ts";
import { java } from "./harness/java.ts";
import { testClient } from "./harness/suite.ts";

testClient(java, [java, go]);
