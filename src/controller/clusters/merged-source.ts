import type { ServiceModel } from "../../resource/service.ts";
import type { ServiceSink, ServiceSource } from "../../resource/service-source.ts";
import type { Log } from "../../telemetry/log.ts";
import { reuseUnchanged } from "../reuse-unchanged.ts";
import type { AddressClaims } from "./address-claims.ts";
import type { ClusterSource } from "./cluster-source.ts";
import type { ForeignService } from "./merge-services.ts";
import { mergeServices } from "./merge-services.ts";

/** What a {@link MergedSource} works with. */
export interface MergedSourceOptions {
  /** The cluster whose clients are served. */
  readonly own: ClusterSource;
  /** The clusters whose services add endpoints. */
  readonly others: readonly ClusterSource[];
  /** How long others are waited for once the own cluster is known, in ms. */
  readonly waitMs: number;
  readonly log: Log;
}

/** How often it is looked at which clusters are lost. */
const LOOK_MS = 1_000;

/**
 * Services of several clusters as those of one: services of the own cluster, to which those of the same name in other clusters add their
 * endpoints (multi-cluster Services' "sameness": a namespace means the same everywhere). Both sides have to say that they want it.
 *
 * - A cluster whose API is away stays as it was last. Its endpoints go only when Pods of another cluster turn up at their addresses.
 * - The own cluster has to be known before anything is served; for others the first answer waits a while and no longer.
 * - An address that the Pods of two clusters have is the own cluster's, or else theirs of whom newer things are known, because the other's API is
 *   away; while both APIs answer it is nobody's.
 */
export class MergedSource implements ServiceSource {
  readonly claims: AddressClaims;
  readonly #options: MergedSourceOptions;
  readonly #own = new Map<string, ServiceModel>();
  /** By service, then by cluster. */
  readonly #foreign = new Map<string, Map<string, ServiceModel>>();
  /** Merged services as they were given. */
  readonly #given = new Map<string, ServiceModel>();
  /** Merged services by address of another cluster's endpoint, and what each of them named. */
  readonly #byAddress = new Map<string, Set<string>>();
  readonly #addressesOf = new Map<string, readonly string[]>();
  readonly #contested = new Map<string, number>();
  /** Since when clusters are lost. */
  readonly #lost = new Map<string, number>();
  readonly #synced = new Set<string>();
  readonly #dueNames = new Set<string>();
  /** Addresses that others' Pods have got since the own cluster was lost, and services of the own one that named them. */
  readonly #taken = new Set<string>();
  readonly #robbed = new Set<string>();
  /** Addresses that may have been taken, and are looked for at the end of the turn. */
  readonly #dueAddresses = new Set<string>();
  #ownRegions = "";
  #sink: ServiceSink | undefined;
  #wait: NodeJS.Timeout | undefined;
  #look: NodeJS.Timeout | undefined;
  #isGiven = false;

  /** @param claims by which the clusters' Pods are told apart; told by the sources. */
  constructor(options: MergedSourceOptions, claims: AddressClaims) {
    this.#options = options;
    this.claims = claims;
  }

  /** Endpoints of other clusters that are left out because somebody else has their address. */
  get contestedEndpoints(): number {
    let sum = 0;
    for (const count of this.#contested.values()) sum += count;
    return sum;
  }

  /** Names of the clusters that have been known as a whole once. */
  get syncedClusters(): ReadonlySet<string> {
    return this.#synced;
  }

  async start(sink: ServiceSink): Promise<void> {
    this.#sink = sink;
    const { own, others } = this.#options;
    await Promise.all([
      own.start({
        upsert: (model) => {
          this.#own.set(model.name, model);
          this.#give(model.name, model.deliberate);
        },
        remove: (...removal) => this.#removeOwn(...removal),
        synced: () => this.#ownSynced(),
      }),
      ...others.map((each) => each.start(this.#foreignSink(each.name))),
    ]);
    this.#look = setInterval(() => this.#lookAtClusters(), LOOK_MS);
    this.#look.unref();
  }

  async close(): Promise<void> {
    clearTimeout(this.#wait);
    clearInterval(this.#look);
    await Promise.all([this.#options.own, ...this.#options.others].map((each) => each.close()));
  }

  /** A Pod's address has been taken or given up; services that name it are made anew before anything else happens. */
  claimed(address: string): void {
    const { own } = this.#options;
    const names = this.#byAddress.get(address);
    const isTaken = this.#lost.has(own.name) && this.claims.others(own.name, address).length > 0;
    if (names === undefined && !isTaken) return;
    if (this.#dueNames.size === 0 && this.#dueAddresses.size === 0) queueMicrotask(() => this.#giveDue());
    for (const name of names ?? []) this.#dueNames.add(name);
    if (isTaken) this.#dueAddresses.add(address);
  }

  /** Nodes have come or gone: what is near may be another. */
  nodesChanged(): void {
    const regions = [...this.#options.own.regions].sort().join();
    if (regions === this.#ownRegions) return;
    this.#ownRegions = regions;
    for (const name of this.#foreign.keys()) this.#give(name, undefined);
  }

  #foreignSink(cluster: string): ServiceSink {
    return {
      upsert: (model) => {
        if (model.global !== true) return this.#removeForeign(cluster, model.name);
        let models = this.#foreign.get(model.name);
        if (models === undefined) {
          models = new Map();
          this.#foreign.set(model.name, models);
        }
        models.set(cluster, model);
        this.#give(model.name, model.deliberate);
      },
      remove: (name) => this.#removeForeign(cluster, name),
      synced: () => {
        if (this.#synced.has(cluster)) return;
        this.#synced.add(cluster);
        if (this.#isGiven) this.#options.log.info("a cluster is known at last", { cluster });
        this.#settle(false);
      },
    };
  }

  #removeOwn(...removal: Parameters<ServiceSink["remove"]>): void {
    const [name] = removal;
    this.#own.delete(name);
    this.#robbed.delete(name);
    this.#given.delete(name);
    this.#note(name, [], 0);
    this.#sink!.remove(...removal);
  }

  #removeForeign(cluster: string, name: string): void {
    const models = this.#foreign.get(name);
    if (models?.delete(cluster) !== true) return;
    if (models.size === 0) this.#foreign.delete(name);
    // The Service itself is gone, or says that it is no part of this one any more: that is meant.
    this.#give(name, true);
  }

  #give(name: string, deliberate: boolean | undefined): void {
    const known = this.#own.get(name);
    if (known === undefined) return;
    const own = this.#withoutTaken(known);
    const foreign = this.#foreignOf(own);
    if (foreign.length === 0) {
      this.#note(name, [], 0);
      const former = this.#given.get(name);
      this.#given.delete(name);
      // What was another before differs from what the own cluster gave last.
      this.#sink!.upsert(former === undefined && own === known ? own : withMeaning(own, deliberate));
      return;
    }
    const { model, contested } = mergeServices(own, foreign, {
      ownRegions: this.#options.own.regions,
      isHeldBy: (cluster, address) => this.#isHeldBy(cluster, address),
    });
    const named = foreign.flatMap((each) => each.model.cluster.endpoints.map(({ address }) => address));
    this.#note(name, named, contested.length);
    const changed = reuseUnchanged(this.#given.get(name), withMeaning(model, deliberate));
    if (changed === undefined) return;
    this.#given.set(name, changed);
    this.#sink!.upsert(changed);
  }

  #giveDue(): void {
    if (this.#dueAddresses.size > 0) this.#rob();
    const names = [...this.#dueNames];
    this.#dueNames.clear();
    for (const name of names) this.#give(name, true);
  }

  /** Services of the own cluster, as it was when it was lost, lose the endpoints whose addresses others' Pods have got since. */
  #rob(): void {
    for (const address of this.#dueAddresses) this.#taken.add(address);
    for (const { name, cluster } of this.#own.values()) {
      const found = cluster.endpoints.filter(({ address }) => this.#dueAddresses.has(address));
      if (found.length === 0) continue;
      this.#robbed.add(name);
      this.#dueNames.add(name);
      this.#options.log.warn(
        "endpoints of the lost own cluster are left out: another cluster's Pods have their address",
        {
          service: name,
          endpoints: found.length,
        },
      );
    }
    this.#dueAddresses.clear();
  }

  /** @returns a service of the own cluster without what others have got since that was lost. */
  #withoutTaken(own: ServiceModel): ServiceModel {
    if (!this.#robbed.has(own.name)) return own;
    const endpoints = own.cluster.endpoints.filter(({ address }) => !this.#taken.has(address));
    return { ...own, cluster: { ...own.cluster, endpoints } };
  }

  #foreignOf(own: ServiceModel): readonly ForeignService[] {
    if (own.global !== true) return [];
    const models = this.#foreign.get(own.name);
    if (models === undefined) return [];
    return [...models].sort(([a], [b]) => (a < b ? -1 : 1)).map(([cluster, model]) => ({ cluster, model }));
  }

  #isHeldBy(cluster: string, address: string): boolean {
    const { own } = this.#options;
    for (const other of this.claims.others(cluster, address)) {
      if (
        (other === own.name && !this.#taken.has(address)) ||
        this.#freshness(other) >= this.#freshness(cluster)
      )
        return false;
    }
    return true;
  }

  /** Until when it is known what a cluster has. */
  #freshness(cluster: string): number {
    return this.#lost.get(cluster) ?? Number.POSITIVE_INFINITY;
  }

  /** Keeps in mind which addresses a service depends on. */
  #note(name: string, addresses: readonly string[], contested: number): void {
    for (const address of this.#addressesOf.get(name) ?? []) {
      const names = this.#byAddress.get(address);
      names?.delete(name);
      if (names?.size === 0) this.#byAddress.delete(address);
    }
    if (addresses.length === 0) this.#addressesOf.delete(name);
    else this.#addressesOf.set(name, addresses);
    for (const address of addresses) {
      const names = this.#byAddress.get(address);
      if (names === undefined) this.#byAddress.set(address, new Set([name]));
      else names.add(name);
    }
    const before = this.#contested.get(name) ?? 0;
    if (contested === 0) this.#contested.delete(name);
    else this.#contested.set(name, contested);
    if (contested > before) {
      this.#options.log.warn(
        "endpoints of another cluster are left out: another cluster's Pods have their address",
        {
          service: name,
          endpoints: contested,
        },
      );
    }
  }

  #ownSynced(): void {
    const { own, others, waitMs } = this.#options;
    this.#synced.add(own.name);
    this.nodesChanged();
    this.#wait ??= setTimeout(() => this.#settle(true), waitMs);
    if (others.every(({ name }) => this.#synced.has(name))) this.#settle(false);
  }

  /** @param isLate others have been waited for long enough. */
  #settle(isLate: boolean): void {
    const { own, others, log } = this.#options;
    if (this.#isGiven || !this.#synced.has(own.name)) return;
    const missing = others.filter(({ name }) => !this.#synced.has(name)).map(({ name }) => name);
    if (missing.length > 0 && !isLate) return;
    clearTimeout(this.#wait);
    this.#isGiven = true;
    if (missing.length > 0) {
      log.warn("clusters cannot be reached yet; services are served without their endpoints", {
        clusters: missing.join(", "),
      });
    }
    this.#sink!.synced();
  }

  #lookAtClusters(): void {
    const { own, others, log } = this.#options;
    let changed = false;
    for (const { name, isLost } of [own, ...others]) {
      if (isLost === this.#lost.has(name) || !this.#synced.has(name)) continue;
      changed = true;
      if (isLost) {
        this.#lost.set(name, performance.now());
        log.warn("a cluster's API is away; its endpoints stay as they were", { cluster: name });
      } else {
        this.#lost.delete(name);
        log.info("a cluster's API is back", { cluster: name });
      }
    }
    if (!this.#lost.has(own.name)) {
      for (const name of this.#robbed) this.#dueNames.add(name);
      this.#robbed.clear();
      this.#taken.clear();
      this.#giveDue();
    }
    // Whose word counts about an address may have changed.
    if (changed) for (const name of [...this.#given.keys()]) this.#give(name, true);
  }
}

function withMeaning(model: ServiceModel, deliberate: boolean | undefined): ServiceModel {
  const { deliberate: _, ...rest } = model;
  return deliberate === undefined ? rest : { ...rest, deliberate };
}
