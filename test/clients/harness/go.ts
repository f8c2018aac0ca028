import { join } from "node:path";
import type { Language } from "./language.ts";
import { CACHE, CLIENTS } from "./paths.ts";
import { findTools } from "./toolchain.ts";

const output = join(CACHE, "go");
const binary = join(output, "echo");
// The toolchain at hand or none: a download of another one is nobody's wish here.
const env = { GOTOOLCHAIN: "local", CGO_ENABLED: "0" };

/** grpc-go. */
export const go: Language = {
  name: "grpc-go",
  source: join(CLIENTS, "go"),
  output,
  program: { command: binary, args: [] },
  findToolchain: () =>
    findTools([{ command: "go", args: ["version"], version: /go(\d+)\.(\d+)\S*/, atLeast: [1, 26] }]),
  steps: () => [
    { kind: "fetch", command: "go", args: ["mod", "download"], env },
    {
      kind: "compile",
      command: "go",
      args: ["build", "-mod=readonly", "-buildvcs=false", "-trimpath", "-o", binary, "."],
      env,
    },
  ],
};
