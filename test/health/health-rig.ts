import { SeededRandom } from "../../src/base/random.ts";
import { HealthMonitor } from "../../src/health/health-monitor.ts";
import { SharedOutcomes } from "../../src/lb/outlier/shared-outcomes.ts";
import { CLUSTER_DEFAULTS } from "../../src/resource/cluster.ts";
import { clusterSettings } from "../../src/resource/cluster-settings.ts";
import { ClusterSnapshot } from "../../src/resource/cluster-snapshot.ts";
import { encodeClusterSnapshot } from "../../src/resource/encode-cluster-snapshot.ts";
import { ENDPOINT_DEFAULTS } from "../../src/resource/endpoint.ts";
import type { HealthCheck } from "../../src/resource/health-check.ts";
import { HEALTH_CHECK_RESULTS } from "../../src/resource/health-check.ts";
import { SetAside } from "../../src/resource/set-aside.ts";
import { SlotRegistry } from "../../src/resource/slot-registry.ts";
import { ClusterColumn, ClusterCounters } from "../../src/telemetry/cluster-counters.ts";
import { EndpointCounters } from "../../src/telemetry/endpoint-counters.ts";
import { createLog } from "../../src/telemetry/log.ts";

/** The main thread's view of one cluster on loopback whose endpoints are asked for their health. */
export class HealthRig {
  readonly endpoints = new EndpointCounters(1);
  readonly counters = new ClusterCounters(1);
  readonly lines: string[] = [];
  readonly monitor: HealthMonitor;
  readonly #slots = new SlotRegistry({ workerCount: 1 });

  constructor() {
    this.monitor = new HealthMonitor({
      endpoints: this.endpoints,
      outcomes: new SharedOutcomes(1),
      random: new SeededRandom(9),
      nowMs: () => performance.now(),
      log: createLog({ stream: { write: (line) => this.lines.push(line) } }),
    });
  }

  /** Puts the cluster in force with these ports. */
  apply(ports: readonly number[], healthCheck: HealthCheck | null, tlsIdentity = 0): void {
    const endpoints = ports.map((port) => ({
      ...ENDPOINT_DEFAULTS,
      key: `echo|127.0.0.1|${port}`,
      address: "127.0.0.1",
      port,
    }));
    const settings = clusterSettings({ healthCheck });
    const cluster = { name: "echo.test:50051", ...CLUSTER_DEFAULTS, tlsIdentity, settings, endpoints };
    const snapshot = new ClusterSnapshot(encodeClusterSnapshot(cluster, this.#slots.assign(cluster)));
    this.monitor.set(snapshot, this.counters);
  }

  /** Whether checks have taken the endpoint out. */
  isOut(port: number): boolean {
    const slot = this.#slots.endpointSlot(`echo|127.0.0.1|${port}`);
    return (this.endpoints.asideReasons(slot) & SetAside.healthCheck) !== 0;
  }

  /** Checks that came to this. */
  count(result: (typeof HEALTH_CHECK_RESULTS)[number]): number {
    return this.counters.onMain(ClusterColumn.healthChecks + HEALTH_CHECK_RESULTS.indexOf(result));
  }
}

/** Checks every 60 ms or so. */
export function checkOf(probe: HealthCheck["probe"], timeoutMs = 200): HealthCheck {
  return { probe, intervalMs: 60, timeoutMs, unhealthyThreshold: 3, healthyThreshold: 2 };
}
