import type { Random } from "../base/random.ts";
import { SeededRandom } from "../base/random.ts";
import { AliasTable } from "../lb/alias-table.ts";
import { ArrivalProcess } from "./arrival-process.ts";
import { BurstPhases } from "./burst-phases.ts";
import type { CallerPlace } from "./caller-place.ts";
import type { Scenario } from "./scenario.ts";
import { drawService } from "./service-model.ts";

/**
 * Where requests come from: a source per caller, or one that plays a recorded trace and gives each request to a caller by
 * its share.
 */
export class Arrivals {
  /** Number of sources. */
  readonly count: number;
  /** Requests per ms of each caller, as it is now. */
  readonly rates: Float64Array;
  readonly #scenario: Scenario;
  readonly #callers: readonly CallerPlace[];
  readonly #processes: readonly ArrivalProcess[];
  readonly #services: Random;
  readonly #byShare: AliasTable;
  readonly #startRates: Float64Array;
  /** Of a trace: how many were played, and its time's stretch. */
  #played = 0;
  readonly #stretch: number;

  /** @param ratePerMs of all callers together. */
  constructor(scenario: Scenario, callers: readonly CallerPlace[], ratePerMs: number, seed: number) {
    const { bursts, trace } = scenario.traffic;
    this.#scenario = scenario;
    this.#callers = callers;
    this.rates = Float64Array.from(callers, ({ share }) => share * ratePerMs);
    this.#startRates = this.rates.slice();
    this.#services = new SeededRandom(seed);
    this.#byShare = new AliasTable(Float64Array.from(callers, ({ share }) => Math.max(share, 1e-9)));
    const common =
      bursts?.together === true ? new BurstPhases(bursts, new SeededRandom(seed + 1)) : undefined;
    this.#processes =
      trace !== null
        ? []
        : callers.map((_, i) => {
            const random = new SeededRandom(Math.imul(seed, 0x01000193) + 7 * i);
            const own =
              bursts === null ? undefined : new BurstPhases(bursts, new SeededRandom(seed + 13 * i));
            return new ArrivalProcess(this.rates[i]!, common ?? own, random);
          });
    this.count = trace === null ? callers.length : 1;
    this.#stretch = trace === null ? 1 : (trace.arrivalMs.length - 1) / (trace.arrivalMs.at(-1)! * ratePerMs);
  }

  /** @returns when the next request of a source arrives; never is infinite. */
  nextAfter(source: number, nowMs: number): number {
    const { trace } = this.#scenario.traffic;
    if (trace === null) return this.#processes[source]!.nextAfter(nowMs);
    const arrivalMs = trace.arrivalMs[this.#played++];
    return arrivalMs === undefined ? Number.POSITIVE_INFINITY : arrivalMs * this.#stretch;
  }

  /** @returns who sends the request that arrives now from this source; to be asked before {@link nextAfter}. */
  callerOf(source: number): number {
    const { trace } = this.#scenario.traffic;
    if (trace === null) return source;
    if (trace.caller === null) return this.#byShare.draw(this.#services);
    return trace.caller[this.#played - 1]! % this.#callers.length;
  }

  /** @returns ms of service of the request that arrives now; to be asked before {@link nextAfter}. */
  serviceOf(): number {
    const { trace, service } = this.#scenario.traffic;
    return trace === null ? drawService(service, this.#services) : trace.serviceMs[this.#played - 1]!;
  }

  /** Callers of this group send `factor` times as much as at the start. */
  scale(group: string, factor: number): void {
    this.#callers.forEach((caller, i) => {
      if (caller.group.name !== group) return;
      this.rates[i] = this.#startRates[i]! * factor;
      this.#processes[i]?.setRate(this.rates[i]!);
    });
  }
}
