import type { Config } from "../config/config.ts";
import type { MainToWorker } from "./worker-messages.ts";

/** @returns what a worker is told of settings that a reload may change: before its first cluster, and on every change. */
export function settingsMessages({ accessLog, tracing, explain }: Config): readonly MainToWorker[] {
  return [
    { kind: "access-log", ...accessLog },
    { kind: "tracing", ratio: tracing?.ratio },
    { kind: "explain", ...explain },
  ];
}
