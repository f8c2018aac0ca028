import type { Program } from "../../clients/harness/language.ts";
import { Backend } from "./backend.ts";

/** What a backend's streams may take to finish. */
const LEAVE_LIMIT_MS = 30_000;

/** Ends a backend by a signal, waits until it is gone, and starts another one at its address. */
export async function restart(backend: Backend, program: Program, signal: NodeJS.Signals): Promise<Backend> {
  backend.child.signal(signal);
  await backend.child.waitForEnd(LEAVE_LIMIT_MS);
  return Backend.start(program, "again", backend.journal, backend.port);
}
