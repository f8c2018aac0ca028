import { join } from "node:path";
import type { Language } from "./language.ts";
import { CLIENTS } from "./paths.ts";
import { findTools } from "./toolchain.ts";

const source = join(CLIENTS, "java");
const output = join(source, "target");
const maven = ["--batch-mode", "--quiet", "-Dstyle.color=never"];
const version = /(\d+)\.(\d+)\S*/;

/** grpc-java on the Netty it brings along. */
export const java: Language = {
  name: "grpc-java",
  source,
  output,
  program: {
    command: "java",
    args: [
      // Many short-lived processes on few cores: cheap to start beats fast in the long run.
      "-XX:+UseSerialGC",
      "-XX:TieredStopAtLevel=1",
      "-Xmx384m",
      "-cp",
      `${join(output, "classes")}:${join(output, "lib")}/*`,
      "isobar.test.Main",
    ],
  },
  findToolchain: () =>
    findTools([
      { command: "java", args: ["-version"], version, atLeast: [17, 0] },
      { command: "javac", args: ["-version"], version, atLeast: [17, 0] },
      { command: "mvn", args: ["--version"], version, atLeast: [3, 8] },
    ]),
  steps: () => [
    { kind: "fetch", command: "mvn", args: [...maven, "dependency:copy-dependencies"] },
    { kind: "compile", command: "mvn", args: [...maven, "compile"] },
  ],
};
