import type { EndpointPool } from "./endpoint-pool.ts";
import { LATENCY_BUCKETS, LatencyRecord } from "./latency-record.ts";
import type { RunResult, WindowResult } from "./run-result.ts";
import type { Scenario } from "./scenario.ts";
import type { ScenarioCluster } from "./scenario-cluster.ts";

/** Writes down what happens during a run. */
export class RunRecorder {
  readonly #scenario: Scenario;
  readonly #cluster: ScenarioCluster;
  readonly #pool: EndpointPool;
  readonly #windows: WindowResult[];
  readonly #records: LatencyRecord[];
  #requests = 0;
  #errors = 0;
  #crossZone = 0;
  #imbalances = 0;
  #imbalanceSum = 0;
  #windowStartMs = 0;

  constructor(scenario: Scenario, cluster: ScenarioCluster, pool: EndpointPool) {
    this.#scenario = scenario;
    this.#cluster = cluster;
    this.#pool = pool;
    const zones = cluster.zones.length;
    this.#windows = Array.from({ length: Math.ceil(scenario.durationMs / scenario.windowMs) }, () => ({
      latencies: new Uint32Array(LATENCY_BUCKETS),
      requests: new Float64Array(zones),
      inZone: new Float64Array(zones),
      busyMs: new Float64Array(zones),
      serverMs: new Float64Array(zones),
    }));
    this.#records = this.#windows.map(({ latencies }) => new LatencyRecord(latencies));
  }

  /** A request of one of our callers has ended. */
  ended(callerZone: number, slot: number, startedMs: number, endedMs: number, failed: boolean): void {
    const index = Math.min(Math.floor(startedMs / this.#scenario.windowMs), this.#windows.length - 1);
    const window = this.#windows[index]!;
    const inZone = slot >= 0 && this.#pool.zone[slot] === callerZone;
    window.requests[callerZone]!++;
    if (inZone) window.inZone[callerZone]!++;
    if (!failed) this.#records[index]!.add(endedMs - startedMs);
    if (startedMs < this.#scenario.warmupMs) return;
    this.#requests++;
    if (failed) this.#errors++;
    if (!inZone) this.#crossZone++;
  }

  /** A window is over. */
  windowEnded(index: number, nowMs: number): void {
    const window = this.#windows[index]!;
    const lengthMs = nowMs - this.#windowStartMs;
    let largest = 0;
    let sum = 0;
    let count = 0;
    for (let slot = 0; slot < this.#pool.count; slot++) {
      const busyMs = this.#pool.takeBusyMs(slot, nowMs);
      if (!this.#cluster.isHealthy(slot)) continue;
      const serverMs = this.#pool.servers[slot]! * lengthMs;
      const zone = this.#pool.zone[slot]!;
      window.busyMs[zone]! += busyMs;
      window.serverMs[zone]! += serverMs;
      const load = busyMs / serverMs;
      if (load > largest) largest = load;
      sum += load;
      count++;
    }
    if (this.#windowStartMs >= this.#scenario.warmupMs && sum > 0) {
      this.#imbalanceSum += largest / (sum / count);
      this.#imbalances++;
    }
    this.#windowStartMs = nowMs;
  }

  result(simulated: number): RunResult {
    return {
      windows: this.#windows,
      requests: this.#requests,
      errors: this.#errors,
      crossZone: this.#crossZone,
      imbalance: this.#imbalances === 0 ? Number.NaN : this.#imbalanceSum / this.#imbalances,
      simulated,
    };
  }
}
