import { CounterRows } from "./counter-rows.ts";

/** Series told apart at most; what is beyond is counted together, as number 0. */
export const MAX_ROUTE_SERIES = 512;

/** Cells of one series, which is a route with one of its clusters. */
export const RouteCell = {
  /** Requests decided for it. */
  requests: 0,
  /** Requests that any endpoint took, or none, because no endpoint has the labels asked for. */
  fallbacks: 1,
  refused: 2,
  /** Copies sent, not sent for want of room or leave, and given up before their end. */
  mirrored: 3,
  mirrorsDropped: 4,
  mirrorsCut: 5,
} as const;

const CELLS = 6;

/** @returns the column of a series' cell. */
export function routeColumn(series: number, cell: number): number {
  return series * CELLS + cell;
}

/** What is counted about routes; made by the main thread with the first configuration that has any. */
export class RouteCounters extends CounterRows {
  /** @param buffer the memory of the one on the main thread; default: new, all zero. */
  constructor(workerCount: number, buffer?: SharedArrayBuffer) {
    super(MAX_ROUTE_SERIES * CELLS, [], workerCount, buffer);
  }
}
