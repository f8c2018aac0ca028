import type { ArrivalReport, OutcomeReport, Way } from "./child-message.ts";
import { UNCOUNTED } from "./child-message.ts";
import { LatencyHistogram } from "./latency-histogram.ts";
import type { Spread } from "./spread.ts";
import { spreadOf } from "./spread.ts";

/** What became of the calls that went one way during one part of the demo. */
export interface WayTally {
  /** Calls that reached each backend, as the backends counted them. */
  readonly arrivals: Map<string, number>;
  answered: number;
  failed: number;
  /** Failed calls by gRPC status name. */
  readonly failures: Map<string, number>;
  /** Of calls that were answered or ran into their deadline. */
  readonly latency: LatencyHistogram;
}

/** The counts of one part, both ways. */
export type PartTally = Readonly<Record<Way, WayTally>>;

/** Adds up what the backends and the load processes report, by part. */
export class Tally {
  /** Calls that could not even be made, both ways and all parts together. */
  notMade = 0;

  readonly #parts = new Map<number, PartTally>();

  /** @returns the counts of a part, which go on growing while it lasts. */
  part(part: number): PartTally {
    let tally = this.#parts.get(part);
    if (tally === undefined) {
      tally = { pinned: emptyTally(), isobar: emptyTally() };
      this.#parts.set(part, tally);
    }
    return tally;
  }

  /** Adds calls that arrived at a backend. */
  addArrivals(backend: string, report: ArrivalReport): void {
    if (report.part === UNCOUNTED) return;
    const tally = this.part(report.part);
    for (const way of ["pinned", "isobar"] as const) {
      const { arrivals } = tally[way];
      arrivals.set(backend, (arrivals.get(backend) ?? 0) + report.calls[way]);
    }
  }

  /** Adds calls that ended. */
  addOutcomes(way: Way, report: OutcomeReport): void {
    const tally = this.part(report.part)[way];
    tally.answered += report.answered;
    for (const [name, count] of Object.entries(report.failed)) {
      tally.failed += count;
      tally.failures.set(name, (tally.failures.get(name) ?? 0) + count);
    }
    for (let index = 0; index + 1 < report.latency.length; index += 2) {
      tally.latency.addBucket(report.latency[index]!, report.latency[index + 1]!);
    }
  }
}

/** @returns how evenly the calls of one way were spread over `backends`. */
export function spreadOver(tally: WayTally, backends: readonly string[]): Spread {
  return spreadOf(backends.map((name) => tally.arrivals.get(name) ?? 0));
}

/** @returns the part of all calls that one backend got, from 0 to 1; 0 without calls. */
export function shareOf(tally: WayTally, backend: string): number {
  const total = [...tally.arrivals.values()].reduce((sum, count) => sum + count, 0);
  return total === 0 ? 0 : (tally.arrivals.get(backend) ?? 0) / total;
}

function emptyTally(): WayTally {
  return {
    arrivals: new Map(),
    answered: 0,
    failed: 0,
    failures: new Map(),
    latency: new LatencyHistogram(),
  };
}
