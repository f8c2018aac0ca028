import { parentPort } from "node:worker_threads";
import { runScenario } from "../../sim/run-scenario.ts";
import type { SimulationTask } from "./simulation-threads.ts";

/** A thread that runs what it is sent, one after the other. */
parentPort!.on("message", ({ scenario, contestant, keep, seed }: SimulationTask) => {
  const result = runScenario(scenario, contestant, keep, seed);
  const memory = result.windows.flatMap((window) => Object.values(window).map((array) => array.buffer));
  parentPort!.postMessage(result, memory as ArrayBuffer[]);
});
