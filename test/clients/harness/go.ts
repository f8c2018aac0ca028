import { join } from "node:path";
import { goProgram } from "./go-program.ts";
import type { Language } from "./language.ts";
import { CLIENTS } from "./paths.ts";

/** grpc-go. */
export const go: Language = goProgram("grpc-go", join(CLIENTS, "go"), "go", "echo");
