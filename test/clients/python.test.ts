import { go } from "./harness/go.ts";
import { python } from "./harness/python.ts";
import { testClient } from "./harness/suite.ts";

testClient(python, [python, go]);
