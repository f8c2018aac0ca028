import { join } from "node:path";
import type { Language } from "./language.ts";
import { CACHE, CLIENTS, PROTO } from "./paths.ts";
import { findTools } from "./toolchain.ts";

const source = join(CLIENTS, "python");
const output = join(CACHE, "python");
const generated = join(output, "generated");
const environment = join(output, "venv");
const interpreter = join(environment, "bin/python");
const pipOptions = [
  "--quiet",
  "--disable-pip-version-check",
  "--no-input",
  "--no-deps",
  "--only-binary=:all:",
];

/** Python grpcio, and with it the C core that other languages wrap. */
export const python: Language = {
  name: "grpcio (Python)",
  source,
  output,
  program: {
    command: interpreter,
    args: [join(source, "echo.py")],
    env: { PYTHONPATH: generated, PYTHONDONTWRITEBYTECODE: "1", PYTHONUNBUFFERED: "1" },
  },
  findToolchain: () =>
    findTools([
      {
        command: "python3",
        // Debian has these two modules in a package of their own.
        args: ["-c", "import ensurepip, platform, venv; print(platform.python_version())"],
        version: /(\d+)\.(\d+)\S*/,
        atLeast: [3, 10],
      },
    ]),
  steps: () => [
    { kind: "fetch", command: "python3", args: ["-m", "venv", environment] },
    {
      kind: "fetch",
      command: interpreter,
      args: ["-m", "pip", "install", ...pipOptions, "-r", "requirements.txt"],
    },
    { kind: "fetch", command: "mkdir", args: ["-p", generated] },
    {
      kind: "compile",
      command: interpreter,
      args: [
        "-m",
        "grpc_tools.protoc",
        `-I${PROTO}`,
        `--python_out=${generated}`,
        `--grpc_python_out=${generated}`,
        "echo.proto",
      ],
    },
  ],
};
