import type { NO_FLOOD } from "../h2/flood-kind.ts";
import { FloodKind } from "../h2/flood-kind.ts";
import { FloodKind as Counted, WorkerColumn } from "../telemetry/worker-counters.ts";

/** Counters know no protocol, so the engine's kinds and theirs are numbered apart. */
const CELLS: Readonly<Record<FloodKind, number>> = {
  [FloodKind.reset]: Counted.reset,
  [FloodKind.provokedReset]: Counted.provokedReset,
  [FloodKind.ping]: Counted.ping,
  [FloodKind.settings]: Counted.settings,
  [FloodKind.emptyFrame]: Counted.emptyFrame,
  [FloodKind.continuation]: Counted.continuation,
  [FloodKind.windowUpdate]: Counted.windowUpdate,
};

/** Counts a connection that was closed on a peer that flooded it; nothing when that is not why. */
export function countFlood(workerRow: Float64Array, flood: FloodKind | typeof NO_FLOOD): void {
  if (flood >= 0) workerRow[WorkerColumn.floodClosed + CELLS[flood as FloodKind]]!++;
}
