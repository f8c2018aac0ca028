import { join } from "node:path";
import type { Language } from "./language.ts";
import { CACHE, CLIENTS } from "./paths.ts";

const source = join(CLIENTS, "node");

/** grpc-js with its xDS package; a client only. */
export const node: Language = {
  name: "grpc-js",
  source,
  output: join(CACHE, "node"),
  program: { command: process.execPath, args: [join(source, "echo.ts")] },
  findToolchain: () => ({ versions: process.version }),
  steps: () => [],
};
