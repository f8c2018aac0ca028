import type { Random } from "../base/random.ts";
import type { SharedOutcomes } from "../lb/outlier/shared-outcomes.ts";
import type { ClusterSnapshot } from "../resource/cluster-snapshot.ts";
import type { TlsIdentity } from "../resource/tls-identity.ts";
import type { ClusterCounters } from "../telemetry/cluster-counters.ts";
import type { EndpointCounters } from "../telemetry/endpoint-counters.ts";
import type { Log } from "../telemetry/log.ts";
import { TlsClients } from "../upstream/tls-clients.ts";
import { CheckQueue } from "./check-queue.ts";
import type { ChecksContext } from "./cluster-checks.ts";
import { ClusterChecks } from "./cluster-checks.ts";
import { OutlierMonitor } from "./outlier-monitor.ts";

/** How often outcomes are looked at. */
const TICK_MS = 250;
/** Active checks under way at once. */
const MAX_CHECKS = 64;

/** What a {@link HealthMonitor} works with. */
export interface HealthMonitorOptions {
  readonly endpoints: EndpointCounters;
  readonly outcomes: SharedOutcomes;
  readonly random: Random;
  readonly nowMs: () => number;
  readonly log: Log;
}

/**
 * The health of endpoints as the main thread finds it out: active checks, and outlier detection over what all workers have
 * counted. What it finds are bits in the main thread's row of set-aside flags; workers follow within a quarter of a second.
 */
export class HealthMonitor {
  readonly #outliers: OutlierMonitor;
  readonly #checks = new Map<string, ClusterChecks>();
  readonly #context: ChecksContext;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: HealthMonitorOptions) {
    const { endpoints, random, log } = options;
    this.#outliers = new OutlierMonitor(options);
    this.#context = { endpoints, random, log, tls: new TlsClients(), queue: new CheckQueue(MAX_CHECKS) };
  }

  /**
   * Takes a cluster's new version, with or without anything to do for it.
   *
   * @param isUsed whether this proxy uses the endpoint with that index: others are neither asked nor counted. Default: all.
   */
  set(
    snapshot: ClusterSnapshot,
    counters: ClusterCounters,
    isUsed: (index: number) => boolean = () => true,
  ): void {
    this.#outliers.set(snapshot, counters, isUsed);
    const { healthCheck } = snapshot.settings;
    if (healthCheck === null) {
      this.#endChecks(snapshot.name);
    } else {
      let checks = this.#checks.get(snapshot.name);
      if (checks === undefined) {
        checks = new ClusterChecks(this.#context, snapshot, counters);
        this.#checks.set(snapshot.name, checks);
      }
      checks.update(snapshot, healthCheck, isUsed);
    }
    this.#arm();
  }

  /** Forgets a cluster. */
  remove(name: string): void {
    this.#outliers.remove(name);
    this.#endChecks(name);
    this.#arm();
  }

  /** Takes an identity, or other certificates for it. */
  setTlsIdentity(identity: TlsIdentity): void {
    this.#context.tls.set(identity);
    for (const checks of this.#checks.values()) if (checks.tlsIdentity === identity.number) checks.reset();
  }

  /** Forgets an identity that no cluster uses any more. */
  removeTlsIdentity(number: number): void {
    this.#context.tls.remove(number);
  }

  /** Ends everything. */
  close(): void {
    clearInterval(this.#timer);
    for (const name of [...this.#checks.keys()]) this.#endChecks(name);
  }

  #endChecks(name: string): void {
    this.#checks.get(name)?.stop();
    this.#checks.delete(name);
  }

  #arm(): void {
    if (this.#outliers.isActive === (this.#timer !== undefined)) return;
    clearInterval(this.#timer);
    this.#timer = this.#outliers.isActive ? setInterval(() => this.#outliers.tick(), TICK_MS) : undefined;
  }
}
