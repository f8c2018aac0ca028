import { SHARED } from "../clusters.ts";
import { BUSY } from "./captured-node.ts";
import { LineProgram } from "./pinned.ts";
import { compileLoader, OTHER_CORE } from "./programs.ts";
import type { Stage } from "./stage.ts";

/** What a pod was answered that asks as fast as it is answered. */
export interface Throughput {
  readonly requestsPerSecond: number;
  /** Calls that failed, or were lost. */
  readonly errors: number;
}

/** Calls on 10 connections with 10 streams each, for so long, with the benchmark's loader. */
export async function callBusily({ target }: Stage, seconds: number): Promise<Throughput> {
  const args = ["--port", target.port, "--host", target.host, "--callers", 1, "--first-caller", BUSY];
  const load = ["--authority", SHARED, "--connections", 10, "--streams", 10, "--seconds", seconds];
  const loader = new LineProgram(OTHER_CORE, compileLoader(), [...args, ...load].map(String));
  try {
    return await loader.hear<Throughput>();
  } finally {
    await loader.ended;
  }
}
