import type { LoadReport } from "../../grpc/load-report.ts";

/** Time constant of latencies and rates, in ms. Source: Finagle's PeakEwma, decay time 10 s. */
export const LATENCY_DECAY_MS = 10_000;
/** Time constant by which failures raise an endpoint's cost: faster than it falls again. */
const FAULT_RISE_MS = 1_000;
/**
 * Time constant by which streams reported by other proxies are forgotten, where endpoints are compared with each other. It is
 * short on purpose: counts that are older than requests last draw all proxies to the same endpoints.
 */
export const PEER_DECAY_MS = 200;
/** Latencies below count as this: what is served from memory is not infinitely better. Source: linkerd2-proxy. */
export const LEAST_LATENCY_MS = 1;

/** Cells of one endpoint in one row. */
const Cell = {
  /** Peak EWMA of latency, as of `stamp`; 0: nothing observed. */
  cost: 0,
  /** Decaying sums as of `stamp`: latencies, attempts, and those of them that did not fail. */
  latencySum: 1,
  attempts: 2,
  successes: 3,
  stamp: 4,
  /** Attempts without an answer yet: how many, and the sum of the times they began. */
  waiting: 5,
  waitingSince: 6,
  /** The last report: when (0: never), and the fields of a LoadReport. */
  reported: 7,
  utilization: 8,
  qps: 9,
  eps: 10,
  cpu: 11,
  memory: 12,
  network: 13,
  /** Streams in flight from other proxies, and when that was said. */
  peers: 15,
  peersAt: 16,
  /** When the first attempt began of those sent since the last answer or failure. */
  askedFrom: 17,
  /** Own streams in flight when the last report came, without the one it came with. */
  ownAtReport: 18,
} as const;
/** A whole number of 16 octets. */
const STRIDE = 20;
/** Before the records: when the last peer report came and when an endpoint was last new, 0 for never, so that nobody need look. */
const HEADER_CELLS = 2;

/**
 * What is measured about endpoints beyond streams in flight, in shared memory by row and endpoint slot. Each row has a
 * single writer: a worker, or the main thread, whose row is the last. Readers combine rows. Numbers are not atomic with
 * each other: a reader may see half of an observation, for one pick.
 *
 * Pure: times come in as arguments, in ms on a clock that all threads share, above 0.
 */
export class EndpointMeasures {
  /** The memory, to be handed to other threads. */
  readonly buffer: ArrayBufferLike;
  /** The main thread's row. */
  readonly mainRow: number;
  /**
   * By slot: when the endpoint was new, as slow start counts; 0: it was there from the beginning. By itself, because at every update it is read for all
   * endpoints of a cluster. The main thread writes it.
   */
  readonly ramps: Float64Array;
  readonly #cells: Float64Array;
  readonly #slots: number;
  readonly #rowCells: number;

  /**
   * @param rows of the workers; one more is the main thread's.
   * @param slots endpoint slots of each row.
   * @param buffer the memory of the one on the main thread; default: new, nothing measured.
   */
  constructor(rows: number, slots: number, buffer?: ArrayBufferLike) {
    this.mainRow = rows;
    this.#slots = slots;
    this.#rowCells = slots * STRIDE;
    const cells = HEADER_CELLS + (rows + 1) * this.#rowCells;
    this.buffer = buffer ?? new SharedArrayBuffer((cells + slots) * 8);
    this.#cells = new Float64Array(this.buffer, 0, cells);
    this.ramps = new Float64Array(this.buffer, cells * 8, slots);
  }

  /** An attempt has been sent and waits for its answer. */
  began(row: number, slot: number, nowMs: number): void {
    const cells = this.#cells;
    const at = this.#at(row, slot);
    if (cells[at + Cell.waiting]!++ === 0 || cells[at + Cell.askedFrom]! <= cells[at + Cell.stamp]!) {
      cells[at + Cell.askedFrom] = nowMs;
    }
    cells[at + Cell.waitingSince]! += nowMs;
  }

  /** It waits no more: it was answered, or has ended otherwise. @param beganMs as {@link began} was told. */
  waitedFor(row: number, slot: number, beganMs: number): void {
    const at = this.#at(row, slot);
    const left = this.#cells[at + Cell.waiting]! - 1;
    // What was begun before the slot was cleared ends after it.
    this.#cells[at + Cell.waiting] = Math.max(0, left);
    this.#cells[at + Cell.waitingSince] = left > 0 ? this.#cells[at + Cell.waitingSince]! - beganMs : 0;
  }

  /** An attempt was answered. @param latencyMs from its beginning to its response headers: how long it lives then is no matter. */
  observeLatency(row: number, slot: number, latencyMs: number, nowMs: number): void {
    const cells = this.#cells;
    const at = this.#at(row, slot);
    const kept = this.#decay(at, nowMs);
    const cost = cells[at + Cell.cost]! * kept;
    cells[at + Cell.cost] = latencyMs > cost ? latencyMs : cost + latencyMs * (1 - kept);
    cells[at + Cell.latencySum]! += latencyMs;
    cells[at + Cell.attempts]!++;
    cells[at + Cell.successes]!++;
  }

  /**
   * An attempt failed, or was refused. Failing fast must not look like being fast, so it counts with a penalised latency; it
   * raises the cost step by step, so that one failure in a thousand changes little.
   */
  observeFault(row: number, slot: number, penaltyMs: number, nowMs: number): void {
    const cells = this.#cells;
    const at = this.#at(row, slot);
    const sinceMs = nowMs - cells[at + Cell.stamp]!;
    const kept = this.#decay(at, nowMs);
    const cost = cells[at + Cell.cost]! * kept;
    const share = 1 - Math.exp(-sinceMs / FAULT_RISE_MS);
    if (penaltyMs > cost) cells[at + Cell.cost] = cost + (penaltyMs - cost) * share;
    cells[at + Cell.latencySum]! += penaltyMs;
    cells[at + Cell.attempts]!++;
  }

  /** @returns the peak EWMA of latency in ms as of now, at least {@link LEAST_LATENCY_MS}; 0 when nothing was observed. */
  costMs(slot: number, nowMs: number): number {
    let highest = 0;
    for (let at = HEADER_CELLS + slot * STRIDE; at < this.#cells.length; at += this.#rowCells) {
      const cost = this.#cells[at + Cell.cost]!;
      if (cost === 0) continue;
      highest = Math.max(highest, LEAST_LATENCY_MS, cost * decayed(nowMs - this.#cells[at + Cell.stamp]!));
    }
    return highest;
  }

  /**
   * @param priorMs one more attempt of this latency is taken for granted, so that what is known fades into it; default: none.
   * @returns the mean latency in ms of the last 10 seconds or so, failures penalised; 0 when nothing was observed.
   */
  meanLatencyMs(slot: number, nowMs: number, priorMs = 0): number {
    let latency = priorMs;
    let attempts = priorMs > 0 ? 1 : 0;
    for (let at = HEADER_CELLS + slot * STRIDE; at < this.#cells.length; at += this.#rowCells) {
      const row = this.#cells[at + Cell.attempts]!;
      if (row === 0) continue;
      const kept = decayed(nowMs - this.#cells[at + Cell.stamp]!);
      latency += this.#cells[at + Cell.latencySum]! * kept;
      attempts += row * kept;
    }
    return attempts < 1e-9 ? 0 : Math.max(LEAST_LATENCY_MS, latency / attempts);
  }

  /**
   * Adds to `into` the decaying sums of attempts (0) and of their latencies in ms (1), failures penalised, as of now; and the attempts
   * that wait for an answer (2).
   */
  addLatencies(slot: number, nowMs: number, into: Float64Array): void {
    for (let at = HEADER_CELLS + slot * STRIDE; at < this.#cells.length; at += this.#rowCells) {
      into[2]! += this.#cells[at + Cell.waiting]!;
      const attempts = this.#cells[at + Cell.attempts]!;
      if (attempts === 0) continue;
      const kept = decayed(nowMs - this.#cells[at + Cell.stamp]!);
      into[0]! += attempts * kept;
      into[1]! += this.#cells[at + Cell.latencySum]! * kept;
    }
  }

  /** @returns attempts that wait for an answer. */
  waiting(slot: number): number {
    let waiting = 0;
    for (let at = HEADER_CELLS + slot * STRIDE; at < this.#cells.length; at += this.#rowCells)
      waiting += this.#cells[at + Cell.waiting]!;
    return waiting;
  }

  /** @returns attempts per second that did not fail, over the last 10 seconds or so. */
  successRate(slot: number, nowMs: number): number {
    let successes = 0;
    for (let at = HEADER_CELLS + slot * STRIDE; at < this.#cells.length; at += this.#rowCells) {
      const row = this.#cells[at + Cell.successes]!;
      if (row > 0) successes += row * decayed(nowMs - this.#cells[at + Cell.stamp]!);
    }
    return (successes * 1_000) / LATENCY_DECAY_MS;
  }

  /** @returns how long those that wait for an answer have waited on average, in ms; 0 when none does. */
  waitingMs(slot: number, nowMs: number): number {
    let waiting = 0;
    let since = 0;
    for (let at = HEADER_CELLS + slot * STRIDE; at < this.#cells.length; at += this.#rowCells) {
      waiting += this.#cells[at + Cell.waiting]!;
      since += this.#cells[at + Cell.waitingSince]!;
    }
    return waiting === 0 ? 0 : Math.max(0, nowMs - since / waiting);
  }

  /**
   * @returns for how long the endpoint has been asked and has not answered anybody, in ms; 0 when nothing waits that was sent after its
   * last answer. One that hangs is silent; one with a stream that it has nothing to say on is not, as long as it answers others.
   */
  silentMs(slot: number, nowMs: number): number {
    const cells = this.#cells;
    const first = HEADER_CELLS + slot * STRIDE;
    // The main thread's row sends nothing.
    const end = first + this.mainRow * this.#rowCells;
    let answered = 0;
    for (let at = first; at < end; at += this.#rowCells) {
      const stamp = cells[at + Cell.stamp]!;
      if (stamp > answered) answered = stamp;
    }
    let asked = 0;
    for (let at = first; at < end; at += this.#rowCells) {
      const from = cells[at + Cell.askedFrom]!;
      if (from > answered && cells[at + Cell.waiting]! > 0 && (asked === 0 || from < asked)) asked = from;
    }
    return asked === 0 || asked >= nowMs ? 0 : nowMs - asked;
  }

  /**
   * Takes an endpoint's own report.
   *
   * @param report copied; -1 for what it does not say.
   * @param own streams of this proxy that it has in its count beside the one it came with; 0 where it is no count of the moment.
   */
  report(row: number, slot: number, report: Readonly<LoadReport>, nowMs: number, own = 0): void {
    const cells = this.#cells;
    const at = this.#at(row, slot);
    cells[at + Cell.ownAtReport] = own;
    cells[at + Cell.utilization] = report.utilization;
    cells[at + Cell.qps] = report.qps;
    cells[at + Cell.eps] = report.eps;
    cells[at + Cell.cpu] = report.cpu;
    cells[at + Cell.memory] = report.memory;
    cells[at + Cell.network] = report.network;
    cells[at + Cell.reported] = nowMs;
  }

  /** Copies the newest report of any row. @returns when it came, 0 for never; `into` is untouched then. */
  readReport(slot: number, into: LoadReport): number {
    const at = this.#newestReport(slot);
    if (at < 0) return 0;
    const cells = this.#cells;
    into.utilization = cells[at + Cell.utilization]!;
    into.qps = cells[at + Cell.qps]!;
    into.eps = cells[at + Cell.eps]!;
    into.cpu = cells[at + Cell.cpu]!;
    into.memory = cells[at + Cell.memory]!;
    into.network = cells[at + Cell.network]!;
    return cells[at + Cell.reported]!;
  }

  /** @returns the utilization of the newest report, -1 when there is none. */
  utilization(slot: number): number {
    const at = this.#newestReport(slot);
    return at < 0 ? -1 : this.#cells[at + Cell.utilization]!;
  }

  /** @returns own streams in flight when the newest report came. */
  ownAtReport(slot: number): number {
    const at = this.#newestReport(slot);
    return at < 0 ? 0 : this.#cells[at + Cell.ownAtReport]!;
  }

  /** @returns when the newest report came, 0 for never. */
  reportedMs(slot: number): number {
    const at = this.#newestReport(slot);
    return at < 0 ? 0 : this.#cells[at + Cell.reported]!;
  }

  /** Takes what all other proxies together have in flight at an endpoint. For the main thread. @param streams 0 or more. @param atMs when that was so. */
  peerInFlight(slot: number, streams: number, atMs: number): void {
    const at = this.#at(this.mainRow, slot);
    this.#cells[at + Cell.peers] = streams;
    this.#cells[at + Cell.peersAt] = atMs;
    this.#cells[0] = Math.max(1, atMs);
  }

  /** @returns streams of other proxies as last reported, forgotten by time; 0 without reports, at the cost of a look. */
  peersOf(slot: number, nowMs: number): number {
    if (this.#cells[0] === 0) return 0;
    const at = this.#at(this.mainRow, slot);
    const streams = this.#cells[at + Cell.peers]!;
    return streams === 0 ? 0 : streams * Math.exp(-(nowMs - this.#cells[at + Cell.peersAt]!) / PEER_DECAY_MS);
  }

  /** @returns streams of other proxies as last reported, whenever that was: for sums over many endpoints, which are outdated less soon. */
  peersReported(slot: number): number {
    return this.#cells[this.#at(this.mainRow, slot) + Cell.peers]!;
  }

  /** When a peer report for any endpoint last came; 0: never. */
  get peersReportedMs(): number {
    return this.#cells[0]!;
  }

  /** The endpoint is new: slow start counts from now. For the main thread. */
  rampFrom(slot: number, nowMs: number): void {
    this.ramps[slot] = nowMs;
    this.#cells[1] = nowMs;
  }

  /** When an endpoint of any cluster was last new beside others; 0: never. */
  get lastRampMs(): number {
    return this.#cells[1]!;
  }

  /**
   * Forgets the former owner of a slot in all rows. To be called before a slot of a higher generation is announced. Nothing is written where nothing
   * stands: most endpoints that leave have never been called from here, and zeros over zeros would take memory for each.
   */
  clear(slot: number): void {
    const cells = this.#cells;
    for (let at = HEADER_CELLS + slot * STRIDE; at < cells.length; at += this.#rowCells)
      for (let cell = at; cell < at + STRIDE; cell++) if (cells[cell] !== 0) cells[cell] = 0;
    if (this.ramps[slot] !== 0) this.ramps[slot] = 0;
  }

  /** Clears what a dead worker waited for; what it measured stays, and ages. */
  retireRow(row: number): void {
    for (let slot = 0; slot < this.#slots; slot++) {
      const at = this.#at(row, slot);
      if (this.#cells[at + Cell.waiting] === 0) continue;
      this.#cells[at + Cell.waiting] = 0;
      this.#cells[at + Cell.waitingSince] = 0;
    }
  }

  #at(row: number, slot: number): number {
    return HEADER_CELLS + row * this.#rowCells + slot * STRIDE;
  }

  /** Brings the sums of a record to now. @returns what is left of a value since the last time. */
  #decay(at: number, nowMs: number): number {
    const cells = this.#cells;
    const kept = decayed(nowMs - cells[at + Cell.stamp]!);
    cells[at + Cell.stamp] = nowMs;
    cells[at + Cell.latencySum]! *= kept;
    cells[at + Cell.attempts]! *= kept;
    cells[at + Cell.successes]! *= kept;
    return kept;
  }

  #newestReport(slot: number): number {
    let newest = -1;
    let newestMs = 0;
    for (let at = HEADER_CELLS + slot * STRIDE; at < this.#cells.length; at += this.#rowCells) {
      const reported = this.#cells[at + Cell.reported]!;
      if (reported <= newestMs) continue;
      newestMs = reported;
      newest = at;
    }
    return newest;
  }
}

/** Another thread's clock may be a moment ahead of ours. */
function decayed(sinceMs: number): number {
  return sinceMs <= 0 ? 1 : Math.exp(-sinceMs / LATENCY_DECAY_MS);
}
