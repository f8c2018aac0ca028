import { CANARY_CLUSTER } from "../../proxy/callers/capture-listener.ts";
import { ClusterColumn } from "../../telemetry/cluster-counters.ts";
import { GRPC_STATUS_COUNT } from "../../telemetry/grpc-status-name.ts";
import { REQUEST_CELLS } from "../../telemetry/request-cell.ts";
import { RESPONSE_FLAG_COUNT } from "../../telemetry/response-flag.ts";
import { WorkerColumn } from "../../telemetry/worker-counters.ts";
import type { PublishedCluster } from "../cluster-publisher.ts";
import type { ProxyCounters } from "../proxy-counters.ts";
import type { LedgerCounts } from "./ledger-record.ts";

type Counters = PublishedCluster["counters"];

/** How long requests of a cluster that is gone may go on to be counted. */
const GONE_MS = 600_000;

/** What the process has done since its start, summed over all threads and clusters, those that are gone included. Canaries do not count. */
export class LedgerCounter {
  readonly #workers: ProxyCounters["workers"];
  readonly #clusters: () => Iterable<PublishedCluster>;
  readonly #nowMs: () => number;
  #present = new Map<string, Counters>();
  #gone: { readonly counters: Counters; readonly sinceMs: number }[] = [];
  /** Of those whose time is over: finished requests by cell. */
  readonly #base = new Float64Array(REQUEST_CELLS);
  readonly #cells = new Float64Array(REQUEST_CELLS);
  readonly #some = new Float64Array(REQUEST_CELLS);

  constructor(
    workers: ProxyCounters["workers"],
    clusters: () => Iterable<PublishedCluster>,
    nowMs: () => number,
  ) {
    this.#workers = workers;
    this.#clusters = clusters;
    this.#nowMs = nowMs;
  }

  /** Streams under way. Cheap: it says whether a {@link read} is worth while. */
  get open(): number {
    this.#look();
    let open = 0;
    for (const counters of this.#all()) open += counters.sum(ClusterColumn.streamsActive);
    return open;
  }

  /** @param ended streams that a limit of the proxy's own has ended. */
  read(ended: number): LedgerCounts {
    const { open } = this;
    const cells = this.#cells;
    this.#workers.sumInto(WorkerColumn.unroutedRequests, cells);
    this.#add(this.#base);
    for (const counters of this.#all()) this.#addOf(counters);
    const finished: Record<string, number> = {};
    let accepted = open;
    for (let status = 0; status < GRPC_STATUS_COUNT; status++) {
      let count = 0;
      for (let flag = 0; flag < RESPONSE_FLAG_COUNT; flag++)
        count += cells[status * RESPONSE_FLAG_COUNT + flag]!;
      if (count > 0) finished[status] = count;
      accepted += count;
    }
    return { accepted, finished, ended, open };
  }

  *#all(): Iterable<Counters> {
    yield* this.#present.values();
    for (const { counters } of this.#gone) yield counters;
  }

  /** Which clusters there are now, and which have gone since the last look. */
  #look(): void {
    const nowMs = this.#nowMs();
    const present = new Map<string, Counters>();
    for (const { cluster, counters } of this.#clusters())
      if (cluster.name !== CANARY_CLUSTER) present.set(cluster.name, counters);
    for (const [name, counters] of this.#present)
      if (present.get(name) !== counters) this.#gone.push({ counters, sinceMs: nowMs });
    this.#present = present;
    while (this.#gone.length > 0 && nowMs - this.#gone[0]!.sinceMs > GONE_MS) {
      this.#gone.shift()!.counters.sumInto(ClusterColumn.requests, this.#some);
      for (let i = 0; i < this.#base.length; i++) this.#base[i]! += this.#some[i]!;
    }
  }

  #addOf(counters: Counters): void {
    counters.sumInto(ClusterColumn.requests, this.#some);
    this.#add(this.#some);
  }

  #add(some: Float64Array): void {
    for (let i = 0; i < some.length; i++) this.#cells[i]! += some[i]!;
  }
}
