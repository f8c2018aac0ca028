import { join } from "node:path";
import type { Language } from "./language.ts";
import { CACHE, CLIENTS } from "./paths.ts";
import { findTools } from "./toolchain.ts";

const output = join(CACHE, "rust");
const env = { CARGO_TARGET_DIR: output, CARGO_TERM_PROGRESS_WHEN: "never" };
const version = /(\d+)\.(\d+)\S*/;

/** Rust tonic. */
export const rust: Language = {
  name: "tonic (Rust)",
  source: join(CLIENTS, "rust"),
  output,
  program: { command: join(output, "debug/echo"), args: [] },
  findToolchain: () =>
    findTools([
      { command: "cargo", args: ["--version"], version, atLeast: [1, 88] },
      { command: "rustc", args: ["--version"], version, atLeast: [1, 88] },
      // rustc links with it.
      { command: "cc", args: ["--version"], version, atLeast: [0, 0] },
    ]),
  steps: () => [
    { kind: "fetch", command: "cargo", args: ["fetch", "--quiet", "--locked"], env },
    { kind: "compile", command: "cargo", args: ["build", "--quiet", "--locked", "--offline"], env },
  ],
};
