import type { Random } from "../base/random.ts";
import { SeededRandom } from "../base/random.ts";
import type { Arrivals } from "./arrivals.ts";
import type { Balancer } from "./balancer.ts";
import type { EndpointPool } from "./endpoint-pool.ts";
import { EventQueue } from "./event-queue.ts";
import { RequestTable } from "./request-table.ts";
import { RunRecorder } from "./run-recorder.ts";
import type { RunResult } from "./run-result.ts";
import type { Scenario } from "./scenario.ts";
import type { ScenarioCluster } from "./scenario-cluster.ts";

/** What an event is about: its upper 3 bits. The lower ones say which request, caller, timer …, */
const Kind = { arrive: 0, reach: 1, served: 2, end: 3, timer: 4, window: 5, change: 6, notice: 7 } as const;
const KIND_SHIFT = 28;
const WHICH_MASK = (1 << KIND_SHIFT) - 1;

/** How long an endpoint takes to fail a request at once, in ms. */
const FAIL_MS = 0.5;

/** Who takes part in a {@link Simulation}. */
export interface Participants {
  readonly cluster: ScenarioCluster;
  readonly pool: EndpointPool;
  readonly arrivals: Arrivals;
  /** Zone of each caller; our proxies first. */
  readonly callerZone: Int32Array;
  /** Who chooses for each caller: the same one for all proxies. */
  readonly balancers: readonly Balancer[];
  readonly proxyCount: number;
}

/**
 * Requests on their way from callers to endpoints and back, in virtual time. Chance that is not a balancer's comes from streams of
 * its own in the order of arrivals: under one seed every contestant meets the same requests.
 *
 * An endpoint serves its requests in their order of arrival, `servers` at a time. The network delays and loses nothing. A request
 * that fails is not tried again.
 */
export class Simulation {
  readonly #scenario: Scenario;
  readonly #participants: Participants;
  readonly #pool: EndpointPool;
  readonly #queue = new EventQueue();
  readonly #requests = new RequestTable();
  readonly #recorder: RunRecorder;
  readonly #failures: Random;
  #simulated = 0;

  constructor(scenario: Scenario, participants: Participants, seed: number) {
    this.#scenario = scenario;
    this.#participants = participants;
    this.#pool = participants.pool;
    this.#recorder = new RunRecorder(scenario, participants.cluster, participants.pool);
    this.#failures = new SeededRandom(seed);
  }

  /** Runs until the last request has ended; what arrives after `durationMs` is nothing. */
  run(): RunResult {
    const { durationMs, windowMs, events } = this.#scenario;
    const { arrivals, balancers } = this.#participants;
    for (let source = 0; source < arrivals.count; source++) {
      this.#push(arrivals.nextAfter(source, 0), Kind.arrive, source);
    }
    const ours = balancers[0]!;
    for (let timer = 0; timer < ours.timerCount; timer++) this.#push(ours.firstMs(timer), Kind.timer, timer);
    for (let window = 0; window * windowMs < durationMs; window++) {
      this.#push(Math.min(durationMs, (window + 1) * windowMs), Kind.window, window);
    }
    events.forEach((event, i) => {
      this.#push(event.atMs, Kind.change, i);
    });
    const queue = this.#queue;
    for (let event = queue.pop(); event !== -1; event = queue.pop()) this.#happen(event, queue.nowMs);
    return this.#recorder.result(this.#simulated);
  }

  #happen(event: number, nowMs: number): void {
    const which = event & WHICH_MASK;
    switch (event >>> KIND_SHIFT) {
      case Kind.arrive:
        return this.#arrive(which, nowMs);
      case Kind.reach:
        return this.#reach(which, nowMs);
      case Kind.served:
        return this.#served(which, nowMs);
      case Kind.end:
        return this.#end(which, nowMs);
      case Kind.timer:
        return this.#push(this.#participants.balancers[0]!.fire(which, nowMs), Kind.timer, which);
      case Kind.window:
        return this.#recorder.windowEnded(which, nowMs);
      case Kind.change:
        return this.#change(which, nowMs);
      case Kind.notice:
        return this.#notice(which, nowMs);
    }
  }

  #arrive(source: number, nowMs: number): void {
    const { arrivals, callerZone, balancers, proxyCount } = this.#participants;
    const caller = arrivals.callerOf(source);
    const serviceMs = arrivals.serviceOf();
    this.#push(arrivals.nextAfter(source, nowMs), Kind.arrive, source);
    this.#simulated++;
    const slot = balancers[caller]!.choose(caller, nowMs);
    if (slot < 0) {
      if (caller < proxyCount) this.#recorder.ended(callerZone[caller]!, slot, nowMs, nowMs, true);
      return;
    }
    const requests = this.#requests;
    const request = requests.take();
    requests.caller[request] = caller;
    requests.endpoint[request] = slot;
    requests.startedMs[request] = nowMs;
    requests.serviceMs[request] = serviceMs;
    requests.reported[request] = -1;
    requests.failed[request] = 0;
    this.#pool.inFlight[slot]!++;
    this.#schedule(nowMs + this.#delayMs(caller, slot), Kind.reach, request);
  }

  #reach(request: number, nowMs: number): void {
    const requests = this.#requests;
    const pool = this.#pool;
    const slot = requests.endpoint[request]!;
    if (pool.blackHoled[slot] === 1) {
      requests.failed[request] = 1;
      this.#schedule(requests.startedMs[request]! + this.#scenario.timeoutMs, Kind.end, request);
    } else if (pool.failShare[slot]! > 0 && this.#failures.nextFloat() < pool.failShare[slot]!) {
      requests.failed[request] = 1;
      const backMs = this.#delayMs(requests.caller[request]!, slot);
      this.#schedule(nowMs + FAIL_MS + backMs, Kind.end, request);
    } else if (pool.busy[slot]! < pool.servers[slot]!) {
      this.#serve(request, slot, nowMs);
    } else {
      requests.next[request] = -1;
      if (pool.queued[slot]!++ === 0) pool.head[slot] = request;
      else requests.next[pool.tail[slot]!] = request;
      pool.tail[slot] = request;
    }
  }

  #serve(request: number, slot: number, nowMs: number): void {
    this.#pool.account(slot, nowMs);
    this.#pool.busy[slot]!++;
    const serviceMs = this.#requests.serviceMs[request]! / this.#pool.speedAt(slot, nowMs);
    this.#schedule(nowMs + serviceMs, Kind.served, request);
  }

  #served(request: number, nowMs: number): void {
    const requests = this.#requests;
    const pool = this.#pool;
    const slot = requests.endpoint[request]!;
    pool.account(slot, nowMs);
    pool.busy[slot]!--;
    // As a server's interceptor sees it, which counts the request it answers.
    requests.reported[request] = pool.utilization(slot, 1);
    if (pool.queued[slot]! > 0) {
      const next = pool.head[slot]!;
      pool.head[slot] = requests.next[next]!;
      pool.queued[slot]!--;
      this.#serve(next, slot, nowMs);
    }
    this.#schedule(nowMs + this.#delayMs(requests.caller[request]!, slot), Kind.end, request);
  }

  #end(request: number, nowMs: number): void {
    const requests = this.#requests;
    const { callerZone, balancers, proxyCount } = this.#participants;
    const caller = requests.caller[request]!;
    const slot = requests.endpoint[request]!;
    const startedMs = requests.startedMs[request]!;
    const failed = requests.failed[request] === 1;
    this.#pool.inFlight[slot]!--;
    balancers[caller]!.answered(caller, slot, nowMs - startedMs, failed, requests.reported[request]!, nowMs);
    if (caller < proxyCount) this.#recorder.ended(callerZone[caller]!, slot, startedMs, nowMs, failed);
    requests.release(request);
  }

  #change(index: number, nowMs: number): void {
    const event = this.#scenario.events[index]!;
    const { cluster, arrivals } = this.#participants;
    for (const slot of cluster.slotsOf(event)) {
      this.#pool.change(slot, event.state);
      if (event.listing === "healthy" && !cluster.isListed(slot)) this.#pool.start(slot, nowMs);
    }
    if (event.callers !== "") arrivals.scale(event.callers, event.trafficFactor);
    // Never before the change itself, as two events of the same moment might come out.
    if (event.noticedAfterMs === 0) this.#notice(index, nowMs);
    else this.#push(nowMs + event.noticedAfterMs, Kind.notice, index);
  }

  /** Who balances hears of it: of listings, and those who know all, of rates and speeds too. */
  #notice(index: number, nowMs: number): void {
    const event = this.#scenario.events[index]!;
    const { cluster, balancers } = this.#participants;
    if (event.listing !== null) cluster.list(cluster.slotsOf(event), event.listing);
    for (const balancer of new Set(balancers)) balancer.update(nowMs);
  }

  #delayMs(caller: number, slot: number): number {
    const { sameZoneMs, crossZoneMs } = this.#scenario.network;
    return this.#participants.callerZone[caller] === this.#pool.zone[slot] ? sameZoneMs : crossZoneMs;
  }

  /** For what goes on by itself, and stops when no more requests arrive. */
  #push(timeMs: number, kind: number, which: number): void {
    if (timeMs <= this.#scenario.durationMs) this.#schedule(timeMs, kind, which);
  }

  #schedule(timeMs: number, kind: number, which: number): void {
    this.#queue.push(timeMs, (kind << KIND_SHIFT) | which);
  }
}
