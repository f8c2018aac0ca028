import { go } from "./harness/go.ts";
import { python } from "./harness/python.ts";
import { testUnixSocket } from "./harness/suite.ts";

testUnixSocket(go);
testUnixSocket(python);
