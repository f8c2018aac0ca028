import type { Random } from "../base/random.ts";
import type { ClusterSnapshot } from "../resource/cluster-snapshot.ts";
import { HEALTH_CODE } from "../resource/endpoint.ts";
import type { HealthCheck } from "../resource/health-check.ts";
import { HEALTH_CHECK_RESULTS } from "../resource/health-check.ts";
import { SetAside } from "../resource/set-aside.ts";
import type { ClusterCounters } from "../telemetry/cluster-counters.ts";
import { ClusterColumn } from "../telemetry/cluster-counters.ts";
import type { EndpointCounters } from "../telemetry/endpoint-counters.ts";
import type { Log } from "../telemetry/log.ts";
import type { TlsClients } from "../upstream/tls-clients.ts";
import type { CheckQueue } from "./check-queue.ts";
import { endpointAddress } from "./endpoint-address.ts";
import { EndpointCheck } from "./endpoint-check.ts";
import { LateProbe } from "./late-probe.ts";
import { makeProbe } from "./make-probe.ts";
import type { ProbeAnswer, ProbeTarget } from "./probe.ts";

/** What all clusters' checks work with. */
export interface ChecksContext {
  readonly endpoints: EndpointCounters;
  readonly tls: TlsClients;
  readonly queue: CheckQueue;
  readonly random: Random;
  readonly log: Log;
}

interface CheckedEndpoint {
  slot: number;
  readonly check: EndpointCheck;
}

/** The active checks of one cluster: endpoints keep their verdict by key for as long as they are listed. */
export class ClusterChecks {
  readonly #context: ChecksContext;
  readonly #counters: ClusterCounters;
  readonly #checked = new Map<string, CheckedEndpoint>();
  #snapshot: ClusterSnapshot;
  /** What the checks under way are made of; other ones need other checks. */
  #made = "";
  #unsupportedTold = false;

  constructor(context: ChecksContext, snapshot: ClusterSnapshot, counters: ClusterCounters) {
    this.#context = context;
    this.#snapshot = snapshot;
    this.#counters = counters;
  }

  /** The TLS identity it asks with, 0 for none. */
  get tlsIdentity(): number {
    return this.#snapshot.tlsIdentity;
  }

  /** Takes the cluster's new version. @param isUsed whether this proxy uses the endpoint with that index at all. */
  update(snapshot: ClusterSnapshot, settings: HealthCheck, isUsed: (index: number) => boolean): void {
    const made = JSON.stringify([settings, snapshot.tlsIdentity]);
    const sameChecks = made === this.#made;
    this.#made = made;
    this.#snapshot = snapshot;
    const gone = new Set(this.#checked.keys());
    for (let i = 0; i < snapshot.count; i++) {
      if (snapshot.healthAt(i) === HEALTH_CODE.unhealthy || !isUsed(i)) continue;
      const key = snapshot.keyAt(i);
      gone.delete(key);
      const slot = snapshot.slotAt(i);
      const known = this.#checked.get(key);
      if (known !== undefined && sameChecks) known.slot = slot;
      else this.#begin(key, i, settings, known?.check.verdict.isHealthy);
      this.#mark(this.#checked.get(key)!);
    }
    for (const key of gone) this.#end(key);
  }

  /** The certificates of its identity have changed. */
  reset(): void {
    for (const { check } of this.#checked.values()) check.reset();
  }

  /** Ends all checks; what they said counts no more. */
  stop(): void {
    for (const key of [...this.#checked.keys()]) this.#end(key);
  }

  #begin(key: string, index: number, settings: HealthCheck, wasHealthy: boolean | undefined): void {
    this.#checked.get(key)?.check.stop();
    const { queue, random } = this.#context;
    const probe = new LateProbe(() => makeProbe(settings.probe, target));
    const target = this.#target(index);
    const owner = {
      onAnswer: (answer: ProbeAnswer) => this.#count(answer),
      onVerdict: (isHealthy: boolean, answer: ProbeAnswer) => this.#judge(endpoint, isHealthy, answer),
    };
    const check = new EndpointCheck(settings, probe, queue, random, owner, wasHealthy);
    const endpoint: CheckedEndpoint = { slot: this.#snapshot.slotAt(index), check };
    this.#checked.set(key, endpoint);
  }

  #target(index: number): ProbeTarget {
    const { tlsIdentity, name } = this.#snapshot;
    const { tls } = this.#context;
    return {
      address: this.#snapshot.addressAt(index),
      port: this.#snapshot.portAt(index),
      authority: name,
      tls: tlsIdentity === 0 ? undefined : () => tls.get(tlsIdentity)!.optionsToAsk(),
    };
  }

  #end(key: string): void {
    const endpoint = this.#checked.get(key)!;
    this.#checked.delete(key);
    endpoint.check.stop();
    const { endpoints } = this.#context;
    endpoints.markAside(endpoints.mainRowStart, endpoint.slot, SetAside.healthCheck, false);
  }

  #count({ result, unsupported, detail }: ProbeAnswer): void {
    this.#counters.countOnMain(ClusterColumn.healthChecks + HEALTH_CHECK_RESULTS.indexOf(result));
    if (unsupported !== true || this.#unsupportedTold) return;
    this.#unsupportedTold = true;
    this.#context.log.warn("endpoints cannot be asked for their health and count as healthy", {
      cluster: this.#snapshot.name,
      detail,
    });
  }

  #judge(endpoint: CheckedEndpoint, isHealthy: boolean, { result, detail }: ProbeAnswer): void {
    const { log } = this.#context;
    const address = endpointAddress(this.#snapshot, endpoint.slot);
    const names = { cluster: this.#snapshot.name, endpoint: address };
    this.#mark(endpoint);
    if (isHealthy) log.info("endpoint passes its health checks again", names);
    else log.warn("endpoint fails its health checks", { ...names, result, detail });
  }

  #mark({ slot, check }: CheckedEndpoint): void {
    const { endpoints } = this.#context;
    endpoints.markAside(endpoints.mainRowStart, slot, SetAside.healthCheck, !check.verdict.isHealthy);
  }
}
