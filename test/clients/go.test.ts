import { go } from "./harness/go.ts";
import { java } from "./harness/java.ts";
import { python } from "./harness/python.ts";
import { rust } from "./harness/rust.ts";
import { testClient, testLeastRequest } from "./harness/suite.ts";

testClient(go, [go, python, java, rust]);
testLeastRequest(go);
