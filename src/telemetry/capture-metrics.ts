import { OTHER_DESTINATION, parseDestination } from "./destination.ts";
import type { Exposition } from "./exposition.ts";
import { METRIC } from "./metric-catalog.ts";
import { WrittenSeries } from "./written-series.ts";

/** Services with a series of their own at most. */
const MAX_SERVICES = 200;

/** What is known of the node's captured traffic; `isobar capture` counts, and a scrape reads. */
export interface CaptureCounts {
  /** Name of this process among those that take one another's place on the node. */
  readonly generation: string;
  /** Those that began before it and live, and the streams under way in them. */
  readonly former: { readonly alive: number; readonly openStreams: number };
  /** Whether new connections of the node come to this process. */
  readonly isCurrent: boolean;
  /** Whether `isobar capture` has said something within seconds. */
  readonly isAlive: boolean;
  /** Whether captured pods have traffic of which nothing comes here. */
  readonly isInert: boolean;
  readonly captured: number;
  readonly reclaimed: number;
  readonly refused: number;
  readonly failOpenSeconds: number;
  /** Connections that go past the proxy, by service. */
  readonly bypassed: ReadonlyMap<string, number>;
}

/** The metrics about captured traffic: they exist where it is configured. */
export class CaptureMetrics {
  readonly #series: WrittenSeries;
  readonly #counts: () => CaptureCounts;
  readonly #services = new Set<string>();

  constructor(exposition: Exposition, counts: () => CaptureCounts) {
    this.#series = new WrittenSeries(exposition);
    this.#counts = counts;
  }

  /** Writes the values of now. */
  collect(): void {
    const {
      generation,
      former,
      isCurrent,
      isAlive,
      isInert,
      captured,
      reclaimed,
      refused,
      failOpenSeconds,
      bypassed,
    } = this.#counts();
    this.#series.set(METRIC.generation, { generation }, isCurrent ? 1 : 0);
    this.#series.set(METRIC.formerGenerations, {}, former.alive);
    this.#series.set(METRIC.formerStreams, {}, former.openStreams);
    this.#series.set(METRIC.captureAlive, {}, isAlive ? 1 : 0);
    this.#series.set(METRIC.captureCurrent, {}, isCurrent ? 1 : 0);
    this.#series.set(METRIC.captureInert, {}, isInert ? 1 : 0);
    this.#series.set(METRIC.captureConnections, {}, captured);
    this.#series.set(METRIC.captureReclaimed, {}, reclaimed);
    this.#series.set(METRIC.captureRefused, {}, refused);
    this.#series.set(METRIC.captureFailOpen, {}, failOpenSeconds);
    let others = 0;
    for (const [service, connections] of bypassed) {
      if (this.#services.size < MAX_SERVICES) this.#services.add(service);
      if (!this.#services.has(service)) others += connections;
    }
    for (const service of this.#services) {
      const labels = { ...parseDestination(service) };
      this.#series.set(METRIC.captureBypassed, labels, bypassed.get(service) ?? 0);
    }
    if (others > 0) this.#series.set(METRIC.captureBypassed, { ...OTHER_DESTINATION }, others);
  }
}
