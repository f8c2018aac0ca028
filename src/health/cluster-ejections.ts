import type { EjectionReason, OutlierDetectorOwner } from "../lb/outlier/outlier-detector.ts";
import { EJECTION_REASONS } from "../lb/outlier/outlier-detector.ts";
import type { SharedOutcomes, TrialGate } from "../lb/outlier/shared-outcomes.ts";
import type { ClusterSnapshot } from "../resource/cluster-snapshot.ts";
import { SetAside } from "../resource/set-aside.ts";
import type { ClusterCounters } from "../telemetry/cluster-counters.ts";
import { ClusterColumn } from "../telemetry/cluster-counters.ts";
import type { EndpointCounters } from "../telemetry/endpoint-counters.ts";
import type { Log } from "../telemetry/log.ts";
import { endpointAddress } from "./endpoint-address.ts";

/** Carries out, on the main thread, what outlier detection decides about one cluster: flags, counts, lines in the log. */
export class ClusterEjections implements OutlierDetectorOwner {
  snapshot: ClusterSnapshot;
  readonly #counters: ClusterCounters;
  readonly #endpoints: EndpointCounters;
  readonly #outcomes: SharedOutcomes;
  readonly #log: Log;

  constructor(
    snapshot: ClusterSnapshot,
    counters: ClusterCounters,
    endpoints: EndpointCounters,
    outcomes: SharedOutcomes,
    log: Log,
  ) {
    this.snapshot = snapshot;
    this.#counters = counters;
    this.#endpoints = endpoints;
    this.#outcomes = outcomes;
    this.#log = log;
  }

  ejected(slot: number, reason: EjectionReason, ms: number, times: number): void {
    this.#counters.countOnMain(ClusterColumn.ejections + EJECTION_REASONS.indexOf(reason));
    this.#endpoints.markAside(this.#endpoints.mainRowStart, slot, SetAside.outlier, true);
    this.#log.warn("endpoint ejected", {
      ...this.#names(slot),
      reason,
      seconds: Math.round(ms / 1_000),
      times,
    });
  }

  refused(): void {
    this.#counters.countOnMain(ClusterColumn.ejectionsRefused);
  }

  setGate(slot: number, gate: TrialGate): void {
    this.#outcomes.setGate(slot, gate);
  }

  returned(slot: number): void {
    this.#endpoints.markAside(this.#endpoints.mainRowStart, slot, SetAside.outlier, false);
    this.#log.info("ejected endpoint taken back", this.#names(slot));
  }

  isOtherwiseAside(slot: number): boolean {
    return (this.#endpoints.asideReasons(slot) & ~SetAside.outlier) !== 0;
  }

  #names(slot: number) {
    return { cluster: this.snapshot.name, endpoint: endpointAddress(this.snapshot, slot) };
  }
}
