import { HOLD_MS } from "./table-text.ts";

/** A generation of the proxy as capture sees it. Times are on one clock that only goes forward, in milliseconds. */
export interface GenerationView {
  readonly generation: string;
  readonly startedMs: number;
  /** Its private port; 0 while it has none. */
  readonly port: number;
  /** Whether it says that it takes new connections; not when it is over a limit. */
  readonly ready: boolean;
  readonly draining: boolean;
  /** Whether its plan is known. */
  readonly hasPlan: boolean;
  /** When a round of canaries last came back through all its workers; -Infinity: never. */
  readonly goodAtMs: number;
  /** Rounds that came back one after the other. */
  readonly goodRounds: number;
  /** Whether rounds have failed since it was first good: it must then come back several times before it is trusted. */
  readonly hasFailed: boolean;
  /** Whether nobody listened at its port when last tried. */
  readonly refused: boolean;
}

/** What is to be in force. */
export interface Decision {
  /** Whom new connections go to when the gate is open; the one before stays while nobody else can. */
  readonly current: string | undefined;
  /** Until when new connections go there; not in the future: they take the way they would take without Isobar. */
  readonly openUntilMs: number;
  /** By private port, until when established connections live. */
  readonly aliveUntilMs: ReadonlyMap<number, number>;
}

/** Good rounds after which a generation that had failed gets new connections again. */
const ROUNDS_AFTER_FAILURE = 3;

/**
 * Decides which generation new connections go to, and which ones' connections live. The newest that can have them gets them; an older one
 * gets them back only when the newer is leaving or does not answer any more. One that is merely full keeps its place, with the gate closed.
 *
 * @param before the generation that was current until now.
 */
export function decide(
  generations: readonly GenerationView[],
  before: string | undefined,
  nowMs: number,
): Decision {
  const aliveUntilMs = new Map<number, number>();
  for (const each of generations) {
    const untilMs = each.goodAtMs + HOLD_MS;
    if (each.port === 0 || untilMs <= nowMs) continue;
    aliveUntilMs.set(each.port, Math.max(untilMs, aliveUntilMs.get(each.port) ?? 0));
  }
  const newestFirst = [...generations].sort(
    (a, b) => b.startedMs - a.startedMs || (a.generation < b.generation ? 1 : -1),
  );
  const previous = generations.find((each) => each.generation === before);
  const current = choose(newestFirst, previous, nowMs);
  return {
    current: current?.generation ?? before,
    openUntilMs: current !== undefined && takesNew(current, nowMs) ? current.goodAtMs + HOLD_MS : 0,
    aliveUntilMs,
  };
}

function choose(
  newestFirst: readonly GenerationView[],
  previous: GenerationView | undefined,
  nowMs: number,
): GenerationView | undefined {
  const best = newestFirst.find((each) => takesNew(each, nowMs));
  if (previous === undefined || best === undefined) return best ?? previous;
  const isNewer = best.startedMs >= previous.startedMs;
  // Going back to an older one that has begun to leave would only move connections twice.
  const previousIsLost = previous.draining || !isAlive(previous, nowMs);
  return isNewer || previousIsLost ? best : previous;
}

function takesNew(each: GenerationView, nowMs: number): boolean {
  return (
    each.port !== 0 &&
    each.ready &&
    !each.draining &&
    each.hasPlan &&
    !each.refused &&
    isAlive(each, nowMs) &&
    each.goodRounds >= (each.hasFailed ? ROUNDS_AFTER_FAILURE : 1)
  );
}

function isAlive(each: GenerationView, nowMs: number): boolean {
  return each.goodAtMs + HOLD_MS > nowMs;
}
