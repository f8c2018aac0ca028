import type { SeenFlow } from "./nft.ts";
import type { Flow } from "./table-text.ts";
import { flowKey } from "./table-text.ts";

/** Which flows are to be reset now. */
export interface Resets {
  /** By their next packet without data: mostly nothing is under way then. */
  readonly gentle: readonly Flow[];
  /** By their next packet. */
  readonly firm: readonly Flow[];
}

/** Of a service's connections that went past, this share a second; at least one. */
const SHARE_PER_SECOND = 0.01;
const MOST_PER_SECOND = 10;
const GENTLE_MS = 3_000;
/** A connection that said nothing for so long is left alone; it is chosen again when it is used. */
const GIVE_UP_MS = 8_000;

/**
 * Chooses which of the connections that went past the proxy are reset, so that their clients come back through it: few at a time, because calls
 * under way on them fail. Pure but for its memory; call it with each listing.
 */
export class Reclaimer {
  /** Connections that were reset. */
  reclaimed = 0;
  readonly #chosen = new Map<string, { readonly flow: Flow; readonly atMs: number }>();
  /** The most connections a service had past the proxy since it last had none: the share is of that, or the last ones would take hours. */
  readonly #peaks = new Map<string, number>();
  readonly #credits = new Map<string, number>();
  #nodeCredit = 0;
  #lastMs = Number.NaN;

  /**
   * @param flows all that are known.
   * @param serviceOf by `address . port`.
   * @param mayReset whether a pod's connections may be reset, by its address.
   */
  choose(
    flows: readonly SeenFlow[],
    serviceOf: ReadonlyMap<string, string>,
    mayReset: (source: string) => boolean,
    nowMs: number,
  ): Resets {
    const seconds = Math.min(Math.max((nowMs - this.#lastMs) / 1000, 0), 2) || 0;
    this.#lastMs = nowMs;
    const byService = groupBy(flows, serviceOf);
    this.#settle(new Set(flows.map(flowKey)), nowMs);
    this.#nodeCredit = Math.min(this.#nodeCredit + MOST_PER_SECOND * seconds, MOST_PER_SECOND);
    for (const service of this.#peaks.keys()) if (!byService.has(service)) this.#forget(service);
    const gentle: Flow[] = [];
    // The smallest first: they need one a second at most, and a large one would leave them nothing.
    for (const [service, list] of [...byService].sort((a, b) => a[1].length - b[1].length)) {
      const peak = Math.max(this.#peaks.get(service) ?? 0, list.length);
      this.#peaks.set(service, peak);
      const rate = Math.max(1, peak * SHARE_PER_SECOND);
      let credit = Math.min((this.#credits.get(service) ?? 0) + rate * seconds, Math.max(rate, 1));
      // Those in use make the unevenness.
      const candidates = list
        .filter((flow) => mayReset(flow.source) && !this.#chosen.has(flowKey(flow)))
        .sort((a, b) => b.expiresSeconds - a.expiresSeconds);
      for (const flow of candidates) {
        if (credit < 1 || this.#nodeCredit < 1) break;
        credit -= 1;
        this.#nodeCredit -= 1;
        this.#chosen.set(flowKey(flow), { flow, atMs: nowMs });
        gentle.push(flow);
      }
      this.#credits.set(service, credit);
    }
    const firm = [...this.#chosen.values()].filter(({ atMs }) => nowMs - atMs >= GENTLE_MS);
    return { gentle, firm: firm.map(({ flow }) => flow) };
  }

  #settle(present: ReadonlySet<string>, nowMs: number): void {
    for (const [key, { atMs }] of this.#chosen) {
      if (!present.has(key)) this.reclaimed += 1;
      if (!present.has(key) || nowMs - atMs >= GIVE_UP_MS) this.#chosen.delete(key);
    }
  }

  #forget(service: string): void {
    this.#peaks.delete(service);
    this.#credits.delete(service);
  }
}

function groupBy(
  flows: readonly SeenFlow[],
  serviceOf: ReadonlyMap<string, string>,
): Map<string, SeenFlow[]> {
  const groups = new Map<string, SeenFlow[]>();
  for (const flow of flows) {
    const service = serviceOf.get(`${flow.address} . ${flow.port}`);
    if (service === undefined) continue;
    const list = groups.get(service);
    if (list === undefined) groups.set(service, [flow]);
    else list.push(flow);
  }
  return groups;
}
