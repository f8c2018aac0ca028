import type { ClusterRuntime } from "../cluster-runtime.ts";
import type { ProxyContext } from "../proxy-context.ts";
import type { ClusterReports } from "./cluster-reports.ts";
import { LoadReportAsker } from "./load-report-asker.ts";

/** What is done about load reports several times a second: endpoints are asked for them, and weights are made of them. */
export class LoadReportSweep {
  readonly #context: ProxyContext;
  /** By endpoint slot. */
  readonly #askers = new Map<number, LoadReportAsker>();
  #round = 0;

  constructor(context: ProxyContext) {
    this.#context = context;
  }

  sweep(): void {
    const { clusters, loadReports } = this.#context;
    this.#round++;
    for (let clusterSlot = 0; clusterSlot < loadReports.length; clusterSlot++) {
      const reports = loadReports.of(clusterSlot);
      const cluster = clusters[clusterSlot];
      if (cluster === undefined) continue;
      this.#weigh(cluster, reports);
      if (reports !== undefined && reports.outOfBandMs > 0) this.#ask(cluster, reports);
    }
    for (const [slot, asker] of this.#askers) {
      if (asker.round === this.#round) continue;
      this.#askers.delete(slot);
      asker.stop();
    }
  }

  #ask(cluster: ClusterRuntime, reports: ClusterReports): void {
    const { snapshot } = reports;
    for (let i = 0; i < snapshot.count; i++) {
      const slot = snapshot.slotAt(i);
      const subchannel = this.#context.subchannels[slot];
      if (subchannel === undefined) continue;
      let asker = this.#askers.get(slot);
      if (asker?.subchannel !== subchannel || asker.reports.outOfBandMs !== reports.outOfBandMs) {
        asker?.stop();
        asker = new LoadReportAsker(this.#context, reports, subchannel, cluster.row);
        this.#askers.set(slot, asker);
      }
      asker.round = this.#round;
      asker.visit();
    }
  }

  /** Makes a cluster's weights anew when that is due. */
  #weigh(cluster: ClusterRuntime, reports: ClusterReports | undefined): void {
    const { time, endpoints } = this.#context;
    let changed = cluster.weights !== reports?.weights;
    cluster.weights = reports?.weights;
    if (reports?.weights !== undefined && time.nowMs >= reports.weightsDueMs) {
      const { snapshot } = reports;
      reports.weightsDueMs = time.nowMs + snapshot.settings.loadBalancing.loadReports.weightUpdateMs;
      const slots = Int32Array.from({ length: snapshot.count }, (_, i) => snapshot.slotAt(i));
      changed = reports.weights.update(slots, endpoints.measures, time.nowMs) || changed;
    }
    if (changed) cluster.rebuild();
  }
}
