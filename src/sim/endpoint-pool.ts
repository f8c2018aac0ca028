import type { EndpointState } from "./scenario.ts";
import type { ScenarioEndpoint } from "./scenario-cluster.ts";

/** How the endpoints of a scenario are just now, as columns by slot. */
export class EndpointPool {
  readonly count: number;
  readonly zone: Int32Array;
  readonly servers: Int32Array;
  /** Servers that serve. */
  readonly busy: Int32Array;
  /** Requests that wait for a server, from `head` to `tail` through the requests' `next`; -1 for none. */
  readonly queued: Int32Array;
  readonly head: Int32Array;
  readonly tail: Int32Array;
  /** Requests of everybody that have been sent there and whose answers have not arrived. */
  readonly inFlight: Int32Array;
  /** Servers' time spent serving since {@link takeBusyMs} was last called, up to `changedMs`. */
  readonly busyMs: Float64Array;
  readonly changedMs: Float64Array;
  readonly failShare: Float64Array;
  readonly blackHoled: Uint8Array;
  readonly #speed: Float64Array;
  readonly #coldFactor: Float64Array;
  readonly #coldMs: Float64Array;
  readonly #startedMs: Float64Array;

  constructor(endpoints: readonly ScenarioEndpoint[]) {
    const numbers = (of: (endpoint: ScenarioEndpoint) => number) => Float64Array.from(endpoints, of);
    this.count = endpoints.length;
    this.zone = Int32Array.from(endpoints, ({ zone }) => zone);
    this.servers = Int32Array.from(endpoints, ({ group }) => group.servers);
    this.busy = new Int32Array(this.count);
    this.queued = new Int32Array(this.count);
    this.head = new Int32Array(this.count).fill(-1);
    this.tail = new Int32Array(this.count).fill(-1);
    this.inFlight = new Int32Array(this.count);
    this.busyMs = new Float64Array(this.count);
    this.changedMs = new Float64Array(this.count);
    this.failShare = numbers(({ group }) => group.failShare);
    this.blackHoled = Uint8Array.from(endpoints, ({ group }) => Number(group.blackHoled));
    this.#speed = numbers(({ group }) => group.speed);
    this.#coldFactor = numbers(({ group }) => group.coldFactor);
    this.#coldMs = numbers(({ group }) => group.coldMs);
    // Who is there at the beginning has been so for long.
    this.#startedMs = numbers(({ group }) => (group.listing === "absent" ? 0 : Number.NEGATIVE_INFINITY));
  }

  /** @returns how fast it works now, cold or warm. */
  speedAt(slot: number, nowMs: number): number {
    const ageMs = nowMs - this.#startedMs[slot]!;
    const coldMs = this.#coldMs[slot]!;
    if (ageMs >= coldMs) return this.#speed[slot]!;
    const factor = this.#coldFactor[slot]!;
    return this.#speed[slot]! / (factor + (1 - factor) * (ageMs / coldMs));
  }

  /** What it can serve, in servers of speed 1. */
  capacity(slot: number): number {
    return this.servers[slot]! * this.#speed[slot]!;
  }

  /** What it says of itself: requests it has, per server; with `more` that it does not count any more. */
  utilization(slot: number, more = 0): number {
    return (this.busy[slot]! + this.queued[slot]! + more) / this.servers[slot]!;
  }

  /** A new process starts there, cold. */
  start(slot: number, nowMs: number): void {
    this.#startedMs[slot] = nowMs;
  }

  change(slot: number, state: Partial<EndpointState>): void {
    if (state.speed !== undefined) this.#speed[slot] = state.speed;
    if (state.failShare !== undefined) this.failShare[slot] = state.failShare;
    if (state.blackHoled !== undefined) this.blackHoled[slot] = Number(state.blackHoled);
  }

  /** To be called before `busy` changes. */
  account(slot: number, nowMs: number): void {
    this.busyMs[slot]! += this.busy[slot]! * (nowMs - this.changedMs[slot]!);
    this.changedMs[slot] = nowMs;
  }

  /** @returns its servers' time spent serving since this was last asked, in ms. */
  takeBusyMs(slot: number, nowMs: number): number {
    this.account(slot, nowMs);
    const busyMs = this.busyMs[slot]!;
    this.busyMs[slot] = 0;
    return busyMs;
  }
}
