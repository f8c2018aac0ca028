import type { Cluster } from "../../resource/cluster.ts";
import type { KeptByPlace } from "../resources/plan-localities.ts";
import type { ServiceLoad } from "./load-book.ts";
import { ZonePressures } from "./zone-pressures.ts";

/** What {@link ZoneShares} work with. */
export interface ZoneSharesOptions {
  readonly cluster: (service: string) => Cluster | undefined;
  /** A service's zones keep other parts than before. @param kept undefined: everything. */
  readonly onChange: (service: string, kept: KeptByPlace | undefined) => void;
}

/** Weights of one service change at most once in this time: the bound on pushes, and time to see what the last change did. */
export const ZONE_SHARES_HOLD_MS = 10_000;
/** Load comes home no sooner than this after it left; twice as late each time it has to leave again soon after, up to the most. */
const HOME_MS = 30_000;
const MOST_HOME_MS = 300_000;
/** Most that leaves, and that comes home, in one change. */
const LEAVE_FACTOR = 0.7;
const HOME_STEP = 0.1;
/** A zone keeps at least this: what gets nothing cannot show that it is well again. */
const LEAST_KEPT = 0.1;
/** Parts are multiples of this, so that rounding is no change. */
const STEP = 0.05;
/** A service that nobody reports for so long is as if it had never been reported. */
const FORGET_MS = 30_000;

interface State {
  readonly pressures: ZonePressures;
  /** By place; only those that keep less than everything. */
  readonly kept: Map<string, number>;
  seenMs: number;
  changedMs: number;
  leftMs: number;
  homeMs: number;
  cameHomeMs: number;
}

/**
 * Finds out for gRPC clients, which cannot move load between zones by themselves, how much of what arrives at a zone is to stay there. The measure is what all
 * callers report as in flight per capacity, compared with the other zones of the region, or with all others where it has none: above `highLoadRatio` times
 * theirs a part leaves, below `lowLoadRatio` it comes home. A service that nobody reports has no such parts.
 *
 * Changes are few: a service's come {@link ZONE_SHARES_HOLD_MS} apart at least, and where what came home has to leave again each further attempt is put off twice as
 * long, up to 5 minutes.
 *
 * Pure: to be told the time.
 */
export class ZoneShares {
  /** Changes so far. */
  changes = 0;
  readonly #options: ZoneSharesOptions;
  readonly #states = new Map<string, State>();

  constructor(options: ZoneSharesOptions) {
    this.#options = options;
  }

  /** @returns what the zones of a service keep; undefined: everything. */
  of(service: string): KeptByPlace | undefined {
    const kept = this.#states.get(service)?.kept;
    return kept === undefined || kept.size === 0 ? undefined : kept;
  }

  /** Takes what has been reported of a service. To be called once in each interval of the reports. */
  observe(service: string, load: ServiceLoad, nowMs: number): void {
    const cluster = this.#options.cluster(service);
    if (cluster === undefined) return;
    let state = this.#states.get(service);
    if (state === undefined) {
      state = {
        pressures: new ZonePressures(),
        kept: new Map(),
        seenMs: nowMs,
        changedMs: nowMs - ZONE_SHARES_HOLD_MS,
        leftMs: Number.NEGATIVE_INFINITY,
        homeMs: HOME_MS,
        cameHomeMs: Number.NEGATIVE_INFINITY,
      };
      this.#states.set(service, state);
    }
    state.pressures.observe(cluster, load.places, nowMs - state.seenMs);
    state.seenMs = nowMs;
    if (nowMs - state.changedMs < ZONE_SHARES_HOLD_MS || !this.#adjust(state, cluster, nowMs)) return;
    state.changedMs = nowMs;
    this.#changed(service, state.kept.size === 0 ? undefined : new Map(state.kept));
  }

  /** Forgets services that nobody reports any more: their zones keep everything. */
  forgetSilent(nowMs: number): void {
    for (const [service, { seenMs, kept }] of this.#states) {
      if (nowMs - seenMs < FORGET_MS) continue;
      this.#states.delete(service);
      if (kept.size > 0) this.#changed(service, undefined);
    }
  }

  /** @returns whether a zone keeps another part now. */
  #adjust(state: State, { settings }: Cluster, nowMs: number): boolean {
    const { lowLoadRatio, highLoadRatio } = settings.loadBalancing.locality;
    const { kept, pressures } = state;
    let isChanged = false;
    for (const place of kept.keys()) if (!pressures.has(place)) isChanged = kept.delete(place);
    for (const place of pressures.places) {
      const former = kept.get(place) ?? 1;
      const { ratio, sureRatio } = pressures.compare(place);
      let wanted = former;
      if (sureRatio > highLoadRatio) {
        wanted = Math.max(LEAST_KEPT, former * Math.max(LEAVE_FACTOR, highLoadRatio / sureRatio));
      } else if (ratio < lowLoadRatio && nowMs - Math.max(state.leftMs, state.cameHomeMs) >= state.homeMs) {
        wanted = former + HOME_STEP;
      }
      wanted = Math.min(1, Math.round(wanted / STEP) * STEP);
      if (Math.abs(wanted - former) < STEP / 2) continue;
      isChanged = true;
      if (wanted > former) state.cameHomeMs = nowMs;
      else this.#leaves(state, nowMs);
      if (wanted > 1 - STEP / 2) kept.delete(place);
      else kept.set(place, wanted);
    }
    return isChanged;
  }

  #leaves(state: State, nowMs: number): void {
    const wasTooSoon = nowMs - state.cameHomeMs < 2 * state.homeMs;
    if (wasTooSoon) state.homeMs = Math.min(MOST_HOME_MS, 2 * state.homeMs);
    else if (nowMs - state.leftMs > 2 * MOST_HOME_MS) state.homeMs = HOME_MS;
    state.leftMs = nowMs;
  }

  #changed(service: string, kept: KeptByPlace | undefined): void {
    this.changes++;
    this.#options.onChange(service, kept);
  }
}
