import type { ConnectionState } from "./connection-state.ts";

/** A stream that has lived so long was worth its opening: how many there can be is bounded by MAX_CONCURRENT_STREAMS. */
const AGED_MS = 5;
const AGED_UNITS = 1 / 8;

/**
 * What a peer's reset of the stream `id` costs it: 1, or an eighth when the stream has been open for at least 5 ms, and
 * certainly after 10. Rapid reset gets its rate from streams that end as they begin; a short deadline does not.
 *
 * There is no time of birth on streams: ids rise, so it is enough to know which was the highest a while ago.
 */
export function resetCost(connection: ConnectionState, id: number): number {
  const { nowMs } = connection.engine.time;
  if (nowMs - connection.markMs >= AGED_MS) {
    connection.agedId = connection.markId;
    connection.markId = connection.highestPeerId;
    connection.markMs = nowMs;
  }
  return id <= connection.agedId ? AGED_UNITS : 1;
}
