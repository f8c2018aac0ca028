import type { Exposition } from "./exposition.ts";
import { METRIC } from "./metric-catalog.ts";
import type { Series } from "./series.ts";
import type { WorkerCounters } from "./worker-counters.ts";
import { WorkerColumn } from "./worker-counters.ts";

/** Kinds of resources, as label values. */
export const XDS_TYPES = ["listener", "route", "cluster", "endpoint"] as const;

/** One of {@link XDS_TYPES}. */
export type XdsType = (typeof XDS_TYPES)[number];

/** States of resources, as label values: `refused` is present or absent with a newer version that was refused. */
export const XDS_STATES = ["asked", "present", "absent", "refused"] as const;

/** One of {@link XDS_STATES}. */
export type XdsState = (typeof XDS_STATES)[number];

/** What is counted of control planes where there are any; the owner counts, and a scrape reads. */
export interface XdsClientCounts {
  readonly isConnected: boolean;
  readonly disconnects: number;
  readonly acked: Readonly<Record<XdsType, number>>;
  readonly nacked: Readonly<Record<XdsType, number>>;
  readonly resources: Readonly<Record<XdsType, Readonly<Record<XdsState, number>>>>;
  readonly unconfirmed: number;
  readonly heldBack: number;
  readonly heldBackUpdates: number;
  readonly strangers: number;
  readonly reportsLoad: boolean;
  readonly fleetProxies: number;
  readonly saves: { readonly success: number; readonly failure: number };
}

/** The metrics about control planes: they exist where one is configured. */
export class XdsClientMetrics {
  readonly #counts: () => XdsClientCounts;
  readonly #workers: WorkerCounters;
  readonly #set: ((counts: XdsClientCounts) => void)[] = [];

  constructor(exposition: Exposition, workers: WorkerCounters, counts: () => XdsClientCounts) {
    this.#counts = counts;
    this.#workers = workers;
    const add = (series: Series, value: (counts: XdsClientCounts) => number): void => {
      this.#set.push((now) => series.set(Float64Array.of(value(now))));
    };
    const family = (metric: (typeof METRIC)[keyof typeof METRIC]) => exposition.family(metric);
    add(family(METRIC.xdsClientConnected).add({}), ({ isConnected }) => (isConnected ? 1 : 0));
    add(family(METRIC.xdsClientDisconnects).add({}), ({ disconnects }) => disconnects);
    add(family(METRIC.xdsClientSuspect).add({}), ({ unconfirmed }) => unconfirmed);
    add(family(METRIC.xdsClientHeldBack).add({}), ({ heldBack }) => heldBack);
    add(family(METRIC.xdsClientHeldBackUpdates).add({}), ({ heldBackUpdates }) => heldBackUpdates);
    add(family(METRIC.xdsClientStrangers).add({}), ({ strangers }) => strangers);
    add(family(METRIC.xdsClientHeldRequests).add({}), () => this.#workers.sum(WorkerColumn.requestsHeld));
    add(family(METRIC.xdsClientReportsLoad).add({}), ({ reportsLoad }) => (reportsLoad ? 1 : 0));
    add(family(METRIC.xdsClientFleetProxies).add({}), ({ fleetProxies }) => fleetProxies);
    for (const result of ["success", "failure"] as const) {
      add(family(METRIC.xdsClientSnapshotSaves).add({ result }), ({ saves }) => saves[result]);
    }
    for (const type of XDS_TYPES) {
      const responses = family(METRIC.xdsClientResponses);
      add(responses.add({ type, result: "ack" }), ({ acked }) => acked[type]);
      add(responses.add({ type, result: "nack" }), ({ nacked }) => nacked[type]);
      for (const state of XDS_STATES) {
        const series = family(METRIC.xdsClientResources).add({ type, state });
        add(series, ({ resources }) => resources[type][state]);
      }
    }
  }

  collect(): void {
    const counts = this.#counts();
    for (const set of this.#set) set(counts);
  }
}
