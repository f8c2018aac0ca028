import { SET_ASIDE_REASONS } from "../../resource/set-aside.ts";
import { ENDPOINT_LATENCY_BUCKETS, endpointLatencyQuantile } from "../../telemetry/endpoint-latencies.ts";
import type { ClusterLoad } from "./load-stats.ts";
import { EndpointDetail } from "./load-stats.ts";

/** Who reports. */
export interface ReportingCaller {
  readonly id: string;
  readonly region: string;
  readonly zone: string;
}

/** Traffic of one endpoint, over all callers, of the last seconds. */
export interface EndpointTraffic {
  readonly requestsPerSecond: number;
  readonly errorsPerSecond: number;
  /** Of attempts that have ended; null where nobody says. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  /** Callers that send it nothing new, in the order of SET_ASIDE_REASONS. */
  readonly setAside: readonly number[];
}

/** Requests between two zones; "" is one that is not known. */
export interface ZoneFlow {
  readonly from: string;
  readonly to: string;
  readonly requestsPerSecond: number;
}

/** Time constant by which what was reported is forgotten, in ms: long enough to be calm, short enough to be of now. */
const WINDOW_MS = 10_000;
/** Zones of one service that flows are kept of, from each and to each; what is beyond is not told apart from "". */
const MAX_FLOWS = 1_024;
/** Endpoints of a service that are not listed (any more) and are remembered all the same. */
const SPARE_ROWS = 64;

/** Cells of a row: decaying sums as of `stamp`. */
const Cell = { firstMs: 0, stampMs: 1, requests: 2, errors: 3, latencies: 4 } as const;
const ROW_CELLS = Cell.latencies + ENDPOINT_LATENCY_BUCKETS;

interface Row {
  readonly cells: Float64Array;
  /** Callers by reason. */
  readonly setAside: Int32Array;
}

interface Flow {
  readonly from: string;
  readonly to: string;
  firstMs: number;
  stampMs: number;
  requests: number;
}

interface Service {
  readonly rows: Map<number, Row>;
  readonly flows: Map<string, Flow>;
}

interface Reporter {
  readonly caller: ReportingCaller;
  requestsPerSecond: number;
  inFlight: number;
  /** What it has set aside: by turns the row and the bits. */
  aside: readonly (readonly [Row, number])[];
}

/**
 * What callers report, for people to look at: requests, errors and durations by endpoint and the flow between zones, as averages over about 10 s. Beside
 * the LoadBook, which is what the proxies balance by. Made only where somebody can look at it.
 *
 * Endpoints are told apart by address, as reports have it: who gets the address of another one has its traffic for some seconds.
 *
 * Pure: to be told the time, in ms above 0.
 */
export class TrafficBook {
  readonly #services = new Map<string, Service>();
  readonly #reporters = new Map<number, Reporter>();
  readonly #endpointCount: (service: string) => number | undefined;

  /** @param endpointCount of a service; undefined: there is none, and nothing is kept of it. */
  constructor(endpointCount: (service: string) => number | undefined) {
    this.#endpointCount = endpointCount;
  }

  /** Takes a caller's report. @param reporter a number of its own. */
  report(reporter: number, caller: ReportingCaller, clusters: readonly ClusterLoad[], nowMs: number): void {
    this.forget(reporter);
    const aside: [Row, number][] = [];
    const sums = { requestsPerSecond: 0, inFlight: 0 };
    for (const load of clusters) {
      const endpoints = this.#endpointCount(load.name);
      if (endpoints === undefined) continue;
      const service = this.#service(load.name);
      this.#takeCounts(service, load, nowMs, endpoints);
      this.#takeDetails(service, load, nowMs, endpoints, aside);
      for (const { zone, issued, inFlight } of load.localities) {
        sums.requestsPerSecond += (issued * 1_000) / (load.intervalMs || 1_000);
        sums.inFlight += inFlight;
        if (issued > 0) takeFlow(service, caller.zone, zone, issued, nowMs);
      }
    }
    this.#reporters.set(reporter, { caller, ...sums, aside });
  }

  /** The caller has gone, and with it what it had set aside. */
  forget(reporter: number): void {
    for (const [row, bits] of this.#reporters.get(reporter)?.aside ?? []) countAside(row, bits, -1);
    this.#reporters.delete(reporter);
  }

  /** The service is gone. */
  remove(service: string): void {
    this.#services.delete(service);
  }

  /** @returns the traffic of an endpoint; undefined where nobody has reported any lately. */
  endpoint(service: string, hash: number, nowMs: number): EndpointTraffic | undefined {
    const row = this.#services.get(service)?.rows.get(hash);
    if (row === undefined) return undefined;
    const { cells, setAside } = row;
    const perSecond = perSecondOf(cells[Cell.firstMs]!, cells[Cell.stampMs]!, nowMs);
    const latencies = cells.subarray(Cell.latencies);
    return {
      requestsPerSecond: cells[Cell.requests]! * perSecond,
      errorsPerSecond: cells[Cell.errors]! * perSecond,
      p50Ms: endpointLatencyQuantile(latencies, 0.5),
      p99Ms: endpointLatencyQuantile(latencies, 0.99),
      setAside: [...setAside],
    };
  }

  /** @returns the p99 of all attempts of a service at these endpoints, in ms; null where nobody says. */
  p99Ms(service: string, hashes: Iterable<number>): number | null {
    const rows = this.#services.get(service)?.rows;
    if (rows === undefined) return null;
    const sums = new Float64Array(ENDPOINT_LATENCY_BUCKETS);
    for (const hash of hashes) {
      const cells = rows.get(hash)?.cells;
      if (cells === undefined) continue;
      for (let i = 0; i < sums.length; i++) sums[i]! += cells[Cell.latencies + i]!;
    }
    return endpointLatencyQuantile(sums, 0.99);
  }

  /** @returns requests between zones, of one service. */
  flows(service: string, nowMs: number): readonly ZoneFlow[] {
    return [...(this.#services.get(service)?.flows.values() ?? [])].flatMap((flow) => {
      const requestsPerSecond = flow.requests * perSecondOf(flow.firstMs, flow.stampMs, nowMs);
      return requestsPerSecond < 0.005 ? [] : [{ from: flow.from, to: flow.to, requestsPerSecond }];
    });
  }

  /** Services that somebody has reported. */
  get services(): Iterable<string> {
    return this.#services.keys();
  }

  /** What clients of a node reported last, by {@link ReportingCaller.id}. */
  callers(): ReadonlyMap<string, { readonly requestsPerSecond: number; readonly inFlight: number }> {
    const callers = new Map<string, { requestsPerSecond: number; inFlight: number }>();
    for (const { caller, requestsPerSecond, inFlight } of this.#reporters.values()) {
      const known = callers.get(caller.id);
      if (known === undefined) callers.set(caller.id, { requestsPerSecond, inFlight });
      else {
        known.requestsPerSecond += requestsPerSecond;
        known.inFlight += inFlight;
      }
    }
    return callers;
  }

  #service(name: string): Service {
    let service = this.#services.get(name);
    if (service === undefined) {
      service = { rows: new Map(), flows: new Map() };
      this.#services.set(name, service);
    }
    return service;
  }

  #takeCounts(service: Service, { counts }: ClusterLoad, nowMs: number, endpoints: number): void {
    for (let i = 0; i < counts.length; i += 3) {
      const { cells } = rowOf(service, counts[i]!, nowMs, endpoints);
      cells[Cell.requests]! += counts[i + 1]!;
      cells[Cell.errors]! += counts[i + 2]!;
    }
  }

  #takeDetails(
    service: Service,
    { details }: ClusterLoad,
    nowMs: number,
    endpoints: number,
    aside: [Row, number][],
  ): void {
    if (details === undefined) return;
    for (let i = 0; i + EndpointDetail.size <= details.length; i += EndpointDetail.size) {
      const row = rowOf(service, details[i + EndpointDetail.hash]!, nowMs, endpoints);
      const bits = details[i + EndpointDetail.setAside]!;
      if (bits !== 0) {
        countAside(row, bits, 1);
        aside.push([row, bits]);
      }
      for (let bucket = 0; bucket < ENDPOINT_LATENCY_BUCKETS; bucket++)
        row.cells[Cell.latencies + bucket]! += details[i + EndpointDetail.latencies + bucket]!;
    }
  }
}

/** @returns the row of an endpoint, with everything in it forgotten as far as it is old. */
function rowOf({ rows }: Service, hash: number, nowMs: number, endpoints: number): Row {
  let row = rows.get(hash);
  if (row === undefined) {
    if (rows.size >= 2 * endpoints + SPARE_ROWS) dropOldest(rows);
    row = { cells: new Float64Array(ROW_CELLS), setAside: new Int32Array(SET_ASIDE_REASONS.length) };
    row.cells[Cell.firstMs] = nowMs - 1_000;
    row.cells[Cell.stampMs] = nowMs;
    rows.set(hash, row);
    return row;
  }
  const { cells } = row;
  const kept = keptAfter(nowMs - cells[Cell.stampMs]!);
  if (kept !== 1) for (let i = Cell.requests; i < ROW_CELLS; i++) cells[i]! *= kept;
  cells[Cell.stampMs] = nowMs;
  return row;
}

/** Endpoints that nobody has mentioned for longest make room for new ones. */
function dropOldest(rows: Map<number, Row>): void {
  const stamps = [...rows].map(([hash, { cells }]) => ({ hash, stampMs: cells[Cell.stampMs]! }));
  stamps.sort((a, b) => a.stampMs - b.stampMs);
  for (const { hash } of stamps.slice(0, Math.ceil(stamps.length / 2))) rows.delete(hash);
}

function takeFlow({ flows }: Service, from: string, to: string, issued: number, nowMs: number): void {
  let key = `${from}|${to}`;
  if (!flows.has(key) && flows.size >= MAX_FLOWS) key = "|";
  let flow = flows.get(key);
  if (flow === undefined) {
    const isKnown = key !== "|";
    flow = {
      from: isKnown ? from : "",
      to: isKnown ? to : "",
      firstMs: nowMs - 1_000,
      stampMs: nowMs,
      requests: 0,
    };
    flows.set(key, flow);
  }
  flow.requests = flow.requests * keptAfter(nowMs - flow.stampMs) + issued;
  flow.stampMs = nowMs;
}

function countAside({ setAside }: Row, bits: number, sign: 1 | -1): void {
  for (let bit = 0; bit < setAside.length; bit++) if (bits & (1 << bit)) setAside[bit]! += sign;
}

function keptAfter(ms: number): number {
  return ms <= 0 ? 1 : Math.exp(-ms / WINDOW_MS);
}

/** @returns what makes a rate of a decaying sum; at first there is less than the window to go by. */
function perSecondOf(firstMs: number, stampMs: number, nowMs: number): number {
  const seenMs = Math.max(1_000, nowMs - firstMs);
  return (keptAfter(nowMs - stampMs) * 1_000) / (WINDOW_MS * (1 - Math.exp(-seenMs / WINDOW_MS)));
}
