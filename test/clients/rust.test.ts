import { go } from "./harness/go.ts";
import { rust } from "./harness/rust.ts";
import { testClient } from "./harness/suite.ts";

testClient(rust, [rust, go]);
