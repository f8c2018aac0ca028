import { join } from "node:path";
import { goProgram } from "../clients/harness/go-program.ts";
import { java as grpcJava } from "../clients/harness/java.ts";
import type { Language } from "../clients/harness/language.ts";
import { CACHE } from "../clients/harness/paths.ts";
import { python as grpcPython } from "../clients/harness/python.ts";
import { rust as grpcRust } from "../clients/harness/rust.ts";

const SOURCES = import.meta.dirname;
const folder = (language: string): string => join(CACHE, `identity-${language}`);

const python: Language = {
  name: "identity Python",
  source: join(SOURCES, "python"),
  output: folder("python"),
  program: { command: join(folder("python"), "bin/python"), args: [join(SOURCES, "python/caller_token.py")] },
  findToolchain: grpcPython.findToolchain,
  steps: () => [
    { kind: "fetch", command: "python3", args: ["-m", "venv", folder("python")] },
    {
      kind: "fetch",
      command: join(folder("python"), "bin/python"),
      args: [
        ...["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"],
        ...["--no-deps", "--only-binary=:all:", "-r", "requirements.txt"],
      ],
    },
  ],
};

/** With the jars of grpc-java's client, among which is Gson. */
const java: Language = {
  name: "identity Java",
  source: join(SOURCES, "java"),
  output: folder("java"),
  program: {
    command: "java",
    args: ["-XX:TieredStopAtLevel=1", "-cp", `${folder("java")}:${grpcJava.output}/lib/*`, "CallerToken"],
  },
  findToolchain: grpcJava.findToolchain,
  steps: () => [
    {
      kind: "compile",
      command: "javac",
      args: ["-d", folder("java"), "-cp", `${grpcJava.output}/lib/*`, "CallerToken.java"],
    },
  ],
};

const cargo = { CARGO_TARGET_DIR: folder("rust"), CARGO_TERM_PROGRESS_WHEN: "never" };
const rust: Language = {
  name: "identity Rust",
  source: join(SOURCES, "rust"),
  output: folder("rust"),
  program: { command: join(folder("rust"), "debug/caller-token"), args: [] },
  findToolchain: grpcRust.findToolchain,
  steps: () => [
    { kind: "fetch", command: "cargo", args: ["fetch", "--quiet", "--locked"], env: cargo },
    { kind: "compile", command: "cargo", args: ["build", "--quiet", "--locked", "--offline"], env: cargo },
  ],
};

/** A program that verifies tokens, and what has to be built for it. */
export interface Verifier {
  readonly language: Language;
  readonly builds: readonly Language[];
  /** The file with what the docs show. */
  readonly file: string;
}

const node: Language = {
  name: "identity Node",
  source: join(SOURCES, "node"),
  output: folder("node"),
  program: { command: process.execPath, args: [join(SOURCES, "node/caller-token.ts")] },
  findToolchain: () => ({ versions: process.version }),
  steps: () => [],
};

const go = goProgram("identity Go", join(SOURCES, "go"), "identity-go", "identity");

/** By language. */
export const VERIFIERS: Readonly<Record<string, Verifier>> = {
  Go: { language: go, builds: [go], file: "go/main.go" },
  Python: { language: python, builds: [python], file: "python/caller_token.py" },
  Java: { language: java, builds: [grpcJava, java], file: "java/CallerToken.java" },
  "Node.js": { language: node, builds: [node], file: "node/caller-token.ts" },
  Rust: { language: rust, builds: [rust], file: "rust/src/main.rs" },
};
