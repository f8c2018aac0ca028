import type { ClusterStats } from "../load/encode-load-stats.ts";
import { encodeFirstLoadStats, encodeLoadStats } from "../load/encode-load-stats.ts";
import { decodeLoadStatsResponse } from "../load/load-stats-response.ts";
import type { XdsNode } from "../resources/delta-request.ts";
import type { AdsStream, AdsStreamOwner } from "./ads-transport.ts";

/** What a {@link LoadReportClient} works with. */
export interface LoadReportClientOptions {
  readonly node: XdsNode;
  /** Opens a stream to the control plane; undefined while there is none. */
  readonly open: (owner: AdsStreamOwner) => AdsStream | undefined;
  /** Clusters whose load the control plane wants to know. */
  readonly wanted: () => Iterable<string>;
  /** @returns what has happened to these clusters since the last report; of what nothing is to be said, nothing. */
  readonly read: (clusters: Iterable<string>) => readonly ClusterStats[];
  /** A stream has ended: what was reported on it counts no more. */
  readonly onEnd: (reason: string) => void;
}

/** How often it is looked whether there is anything to report, or anybody to report to. */
const LOOK_MS = 1_000;
/** Shortest and longest time between two reports, whatever is asked for. */
const LEAST_INTERVAL_MS = 100;
const MOST_INTERVAL_MS = 600_000;
/** Source: the xDS protocol says nothing; a control plane without the service says so at once, and another one may be there later. */
const RETRY_MS = 5_000;
const RETRY_UNIMPLEMENTED_MS = 300_000;
const UNIMPLEMENTED = "12 ";

/**
 * Reports load to the control plane (LRS), if it asks for that: a cluster says that its load is wanted, the answer to the first message
 * how often and how finely. Nothing depends on it.
 */
export class LoadReportClient {
  readonly #options: LoadReportClientOptions;
  readonly #look: NodeJS.Timeout;
  #stream: AdsStream | undefined;
  #timer: NodeJS.Timeout | undefined;
  #intervalMs = 0;
  #byEndpoint = false;
  /** Clusters that are asked for; undefined: all. */
  #clusters: ReadonlySet<string> | undefined;
  #notBeforeMs = 0;

  constructor(options: LoadReportClientOptions) {
    this.#options = options;
    this.#look = setInterval(() => this.#begin(), LOOK_MS);
    this.#look.unref();
  }

  /** Whether reports are being sent. */
  get isReporting(): boolean {
    return this.#timer !== undefined;
  }

  close(): void {
    clearInterval(this.#look);
    clearInterval(this.#timer);
    this.#stream?.close();
  }

  #begin(): void {
    if (this.#stream !== undefined || performance.now() < this.#notBeforeMs) return;
    const { node, open, wanted } = this.#options;
    if (wanted()[Symbol.iterator]().next().done === true) return;
    this.#stream = open({
      onOpen: () => this.#stream?.send(encodeFirstLoadStats(node)),
      onMessage: (message) => this.#asked(message),
      onEnd: (reason) => this.#ended(reason),
    });
  }

  #asked(message: Uint8Array): void {
    const { value, problem } = decodeLoadStatsResponse(message);
    if (value === undefined) {
      this.#stream?.close();
      this.#ended(problem);
      return;
    }
    this.#byEndpoint = value.byEndpoint;
    this.#clusters = value.sendAllClusters ? undefined : new Set(value.clusters);
    const intervalMs = Math.min(MOST_INTERVAL_MS, Math.max(LEAST_INTERVAL_MS, value.intervalMs));
    if (intervalMs === this.#intervalMs) return;
    this.#intervalMs = intervalMs;
    clearInterval(this.#timer);
    // What came before counts from now on.
    if (this.#timer === undefined) this.#options.read(this.#options.wanted());
    this.#timer = setInterval(() => this.#report(), intervalMs);
    this.#timer.unref();
  }

  #report(): void {
    const { wanted, read } = this.#options;
    const asked = this.#clusters;
    const names = asked === undefined ? wanted() : [...wanted()].filter((name) => asked.has(name));
    this.#stream?.send(encodeLoadStats(read(names), this.#byEndpoint));
  }

  #ended(reason: string): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#stream = undefined;
    this.#intervalMs = 0;
    const waitMs = reason.startsWith(UNIMPLEMENTED) ? RETRY_UNIMPLEMENTED_MS : RETRY_MS;
    this.#notBeforeMs = performance.now() + waitMs;
    this.#options.onEnd(reason);
  }
}
