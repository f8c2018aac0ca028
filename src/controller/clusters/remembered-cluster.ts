import type { ServiceModel } from "../../resource/service.ts";
import type { ServiceSink } from "../../resource/service-source.ts";
import type { Log } from "../../telemetry/log.ts";
import { ClusterFile } from "./cluster-file.ts";
import type { ClusterSource } from "./cluster-source.ts";

/** Times of a {@link RememberedCluster}, in ms. */
export interface RememberTimes {
  /** How long the API is waited for before what the disk has is used. */
  readonly waitMs: number;
  /** How old, since the API last confirmed it, what the disk has may become. */
  readonly maxStaleMs: number;
  /** How often it is written, at most, and how often its time says that it is still so. */
  readonly saveMs: number;
}

/** What applies unless a test says otherwise. */
export const REMEMBER_TIMES: RememberTimes = { waitMs: 3_000, maxStaleMs: 3_600_000, saveMs: 5_000 };

/** What a {@link RememberedCluster} works with. */
export interface RememberedClusterOptions {
  readonly source: ClusterSource;
  readonly file: string;
  readonly log: Log;
  readonly times?: RememberTimes;
}

/**
 * Another cluster whose services are kept on disk: a control plane that starts while its API is away knows what it had an hour ago at
 * most. That counts as a lost cluster's, so that others' Pods have their addresses.
 */
export class RememberedCluster implements ClusterSource {
  readonly name: string;
  readonly #options: RememberedClusterOptions;
  readonly #times: RememberTimes;
  readonly #file: ClusterFile;
  readonly #known = new Map<string, ServiceModel>();
  /** Services that only the disk knows. */
  readonly #fromDisk = new Set<string>();
  #sink: ServiceSink | undefined;
  #hasSynced = false;
  #isChanged = false;
  #hasFailed = false;
  #wait: NodeJS.Timeout | undefined;
  #timer: NodeJS.Timeout | undefined;
  #expiry: NodeJS.Timeout | undefined;
  #saving: Promise<void> = Promise.resolve();

  constructor(options: RememberedClusterOptions) {
    const { source, file, times = REMEMBER_TIMES } = options;
    this.name = source.name;
    this.#options = options;
    this.#times = times;
    this.#file = new ClusterFile(file, source.name);
  }

  get regions(): ReadonlySet<string> {
    return this.#options.source.regions;
  }

  get isLost(): boolean {
    return !this.#hasSynced || this.#options.source.isLost;
  }

  async start(sink: ServiceSink): Promise<void> {
    this.#sink = sink;
    const { waitMs, saveMs } = this.#times;
    await this.#options.source.start({
      upsert: (model) => {
        this.#fromDisk.delete(model.name);
        this.#known.set(model.name, model);
        this.#isChanged = true;
        sink.upsert(model);
      },
      remove: (...removal) => {
        this.#known.delete(removal[0]);
        this.#isChanged = true;
        sink.remove(...removal);
      },
      synced: () => this.#synced(),
    });
    this.#wait = setTimeout(() => void this.#remember(), waitMs);
    this.#timer = setInterval(() => {
      this.#saving = this.#saving.then(() => this.#save());
    }, saveMs);
    for (const timer of [this.#wait, this.#timer]) timer.unref();
  }

  async close(): Promise<void> {
    clearTimeout(this.#wait);
    clearInterval(this.#timer);
    clearTimeout(this.#expiry);
    await this.#options.source.close();
    await this.#saving;
    await this.#save();
  }

  #synced(): void {
    this.#hasSynced = true;
    clearTimeout(this.#wait);
    clearTimeout(this.#expiry);
    this.#forget();
    this.#isChanged = true;
    this.#sink!.synced();
  }

  async #remember(): Promise<void> {
    const { log } = this.#options;
    const found = await this.#file.load();
    if (found === undefined || this.#hasSynced) return;
    if (typeof found === "string") {
      log.error("what is kept of a cluster is of no use, and not used", {
        cluster: this.name,
        problem: found,
      });
      return;
    }
    const leftMs = this.#times.maxStaleMs - Math.max(0, Date.now() - found.confirmedMs);
    if (leftMs <= 0) {
      log.warn("what is kept of a cluster is too old, and not used", { cluster: this.name });
      return;
    }
    for (const model of found.services) {
      this.#fromDisk.add(model.name);
      this.#sink!.upsert(model);
    }
    log.warn("services of a cluster are taken from disk until its API answers", {
      cluster: this.name,
      services: found.services.length,
    });
    this.#expiry = setTimeout(() => {
      log.error("services of a cluster are dropped, its API has not confirmed them", { cluster: this.name });
      this.#forget();
    }, leftMs);
    this.#expiry.unref();
    this.#sink!.synced();
  }

  #forget(): void {
    for (const name of this.#fromDisk) this.#sink!.remove(name);
    this.#fromDisk.clear();
  }

  async #save(): Promise<void> {
    if (!this.#hasSynced || this.#options.source.isLost) return;
    const { log } = this.#options;
    if (!this.#isChanged) return this.#file.confirm(Date.now());
    this.#isChanged = false;
    try {
      await this.#file.save(this.#known.values());
      this.#hasFailed = false;
    } catch (error) {
      this.#isChanged = true;
      if (!this.#hasFailed)
        log.error("what is known of a cluster cannot be kept", { cluster: this.name, error });
      this.#hasFailed = true;
    }
  }
}
