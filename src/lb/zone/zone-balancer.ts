import type { LoadBalancing } from "../../resource/load-balancing.ts";
import type { EndpointMeasures } from "../load/endpoint-measures.ts";
import { hashText } from "../subset/hash-text.ts";
import type { TierSet } from "../tier-set.ts";
import type { InFlightReader } from "./evidence-collector.ts";
import { EvidenceCollector } from "./evidence-collector.ts";
import { SpillController } from "./spill-controller.ts";

/** Change of a share that is worth another set of shares. */
const LEAST_CHANGE = 0.001;

/** Time between two looks at what waits; less than most requests take. */
const LOOK_MS = 25;

/** Shares the requests of one cluster out among its tiers by their load: what is measured, and what follows from it. */
export class ZoneBalancer {
  /** From when on a pick is to call {@link look}. */
  lookAtMs = 0;
  readonly #measures: EndpointMeasures;
  readonly #controller: SpillController;
  #streams: InFlightReader | undefined;
  #collector: EvidenceCollector | undefined;
  #given: Float64Array = new Float64Array(0);

  /** @returns whether there are tiers that load can move between. */
  static isNeeded({ tiers }: TierSet): boolean {
    return tiers.some(({ priority }, i) => tiers[i + 1]?.priority === priority);
  }

  /** @param name of this proxy and the cluster: others in the fleet have other thresholds. */
  constructor(name: string, measures: EndpointMeasures) {
    this.#measures = measures;
    this.#controller = new SpillController((hashText(name) / 2 ** 32) * 2 - 1);
  }

  /** Load of the nearest tier relative to those after it; 0 while it is not known. */
  get loadRatio(): number {
    return this.#controller.loadRatio;
  }

  /** @returns the shares of the moment for these tiers, whose own are by health. */
  shares(built: TierSet): Float64Array {
    this.#given = this.#controller.shares(built);
    return this.#given;
  }

  /** As {@link shares}, for tiers of which only some endpoints count: what is given for all stays what changes are measured by. */
  sharesOfSome(built: TierSet): Float64Array {
    return this.#controller.shares(built);
  }

  /** Looks at what waits for an answer. To be called by picks, as {@link lookAtMs} says. @returns new shares; undefined when they stay. */
  look(nowMs: number, built: TierSet): Float64Array | undefined {
    this.lookAtMs = nowMs + LOOK_MS;
    return this.#controller.look(nowMs, built, this.#measures) ? this.shares(built) : undefined;
  }

  /** Looks at the load. To be called a few times a second. @returns new shares; undefined when they stay. */
  balance(
    nowMs: number,
    built: TierSet,
    { locality, loadReports }: LoadBalancing,
    streams: InFlightReader,
  ): Float64Array | undefined {
    if (this.#collector === undefined || this.#streams !== streams) {
      this.#collector = new EvidenceCollector(this.#measures, streams, loadReports.expiryMs);
      this.#streams = streams;
    }
    this.#controller.observe(nowMs, built, locality, this.#collector.collect(nowMs, built));
    const shares = this.#controller.shares(built);
    const same = shares.every((share, i) => Math.abs(share - this.#given[i]!) < LEAST_CHANGE);
    if (same) return undefined;
    this.#given = shares;
    return shares;
  }
}
