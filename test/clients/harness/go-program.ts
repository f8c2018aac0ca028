import { join } from "node:path";
import type { Language } from "./language.ts";
import { CACHE } from "./paths.ts";
import { findTools } from "./toolchain.ts";

// The toolchain at hand or none: a download of another one is nobody's wish here.
const env = { GOTOOLCHAIN: "local", CGO_ENABLED: "0" };

/**
 * A program of tests that is written in Go.
 *
 * @param name in reports. @param source the folder of its module. @param output the cache's folder for it. @param binary its name.
 */
export function goProgram(name: string, source: string, output: string, binary: string): Language {
  const folder = join(CACHE, output);
  const path = join(folder, binary);
  return {
    name,
    source,
    output: folder,
    program: { command: path, args: [] },
    findToolchain: () =>
      findTools([{ command: "go", args: ["version"], version: /go(\d+)\.(\d+)\S*/, atLeast: [1, 26] }]),
    steps: () => [
      { kind: "fetch", command: "go", args: ["mod", "download"], env },
      {
        kind: "compile",
        command: "go",
        args: ["build", "-mod=readonly", "-buildvcs=false", "-trimpath", "-o", path, "."],
        env,
      },
    ],
  };
}
