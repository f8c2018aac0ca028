import type { ServiceModel } from "../../resource/service.ts";
import type { OtherSource } from "../cache/joined-source.ts";
import type { ResourceChange } from "../cache/resource-source.ts";
import { EncodedResource } from "../resources/encoded-resource.ts";
import { encodeNodeView } from "../resources/node-view.ts";
import { encodeReplicaLoads, REPLICA_LOADS } from "../resources/replica-loads.ts";
import type { ServiceView } from "../resources/service-view.ts";
import { EMPTY_SERVICE_VIEW, encodeServiceView } from "../resources/service-view.ts";
import type { OwnTypeUrl } from "../resources/type-url.ts";
import { OWN_TYPE_URL } from "../resources/type-url.ts";
import type { FleetMember, FleetRoster } from "./fleet-roster.ts";
import type { LoadBook } from "./load-book.ts";
import { replicaLoadsOf } from "./replica-sums.ts";

const { nodeView, serviceView, replicaLoads } = OWN_TYPE_URL;

/** What {@link LoadViews} are made of. */
export interface LoadViewsOptions {
  readonly roster: FleetRoster;
  readonly book: LoadBook;
  /** Clients that want to know of a service. */
  readonly audience: (service: string) => number;
  readonly nowMs: () => number;
  /** What this replica's own clients report, and who it is among replicas; default: nobody is told. */
  readonly replica?: { readonly id: string; readonly book: LoadBook } | undefined;
}

/** How long it is told of a service that it was taken away on purpose, and of how many at most. */
const TOMBSTONE_MS = 600_000;
const MAX_TOMBSTONES = 10_000;

/**
 * Resources of our own, made of what callers report and of who they are: a {@link ServiceView} for each service that several callers share, or that was
 * taken away, and a NodeView for each proxy. What changes all the time is changed by {@link tick} alone, so that a client gets everything in one push.
 */
export class LoadViews implements OtherSource {
  readonly #options: LoadViewsOptions;
  readonly #services = new Map<
    string,
    { readonly view: ServiceView; resource: EncodedResource | undefined }
  >();
  readonly #nodes = new Map<string, EncodedResource>();
  /** Services taken away on purpose, the oldest first, with when that was. */
  readonly #tombstones = new Map<string, number>();
  readonly #onChange: ((change: ResourceChange) => void)[] = [];
  #sequence = 0;
  #replicaLoads: EncodedResource | undefined;

  constructor(options: LoadViewsOptions) {
    this.#options = options;
  }

  watch(onChange: (change: ResourceChange) => void): void {
    this.#onChange.push(onChange);
  }

  /** A NodeView belongs to no service: whoever may connect may know who else does. */
  serviceOf(type: string, name: string): string | undefined {
    if (type === nodeView) return "";
    // No service has this name, so that it is for those alone whose scope has it, or who have none.
    if (type === replicaLoads) return this.#options.replica === undefined ? undefined : REPLICA_LOADS;
    return this.#services.has(name) ? name : undefined;
  }

  find(type: string, name: string): EncodedResource | undefined {
    if (type === serviceView) return this.#findService(name);
    if (type === replicaLoads) return name === REPLICA_LOADS ? this.#findReplicaLoads() : undefined;
    const view = type === nodeView ? this.#options.roster.find(name) : undefined;
    if (view === undefined) return undefined;
    let resource = this.#nodes.get(name);
    if (resource === undefined) {
      resource = new EncodedResource(nodeView, name, encodeNodeView(view));
      this.#nodes.set(name, resource);
    }
    return resource;
  }

  /** The service is there, (again). */
  added({ name }: ServiceModel): void {
    if (!this.#tombstones.delete(name)) return;
    this.#services.delete(name);
    this.#changed(`${serviceView} ${name}`, [name]);
  }

  /** The service was taken away. @param isMeant whether an object or a file says so. */
  removed(name: string, isMeant: boolean): void {
    this.#services.delete(name);
    if (isMeant) {
      this.#tombstones.set(name, this.#options.nowMs());
      this.#set({ ...EMPTY_SERVICE_VIEW, name, removed: true });
      if (this.#tombstones.size > MAX_TOMBSTONES) this.#bury(this.#tombstones.keys().next().value!);
    }
    // Of its own, so that it goes out with the removal and not some moments after it.
    this.#changed(`${serviceView} ${name}`, [name]);
  }

  /** Makes views of what has been reported since. To be called in the rhythm of the reports. @param members the proxies that there are now. */
  tick(members: Iterable<FleetMember>): void {
    const nowMs = this.#options.nowMs();
    const moved = this.#options.roster.update(members, nowMs);
    for (const name of moved) this.#nodes.delete(name);
    if (moved.length > 0) this.#emit(nodeView, moved, nodeView);
    const changed: string[] = [];
    this.#sequence = (this.#sequence + 1) % 2 ** 31;
    if (this.#options.replica !== undefined) {
      this.#replicaLoads = undefined;
      this.#emit(replicaLoads, [REPLICA_LOADS], replicaLoads);
    }
    for (const name of this.#options.book.services) if (this.#follow(name, nowMs)) changed.push(name);
    for (const [name, { view }] of this.#services) {
      if (view.removed || this.#options.book.of(name) !== undefined) continue;
      // Once more, so that nobody goes on with the last counts.
      const wasBusy = view.streams.size > 0 || view.requestsPerSecond > 0;
      if (wasBusy) this.#set({ ...EMPTY_SERVICE_VIEW, name, sequence: this.#sequence });
      else this.#services.delete(name);
      changed.push(name);
    }
    for (const [name, atMs] of this.#tombstones) {
      if (nowMs - atMs < TOMBSTONE_MS) break;
      this.#bury(name);
      changed.push(name);
    }
    if (changed.length > 0) this.#changed(serviceView, changed);
  }

  /** @returns whether there is something new to say. */
  #follow(name: string, nowMs: number): boolean {
    const load = this.#options.book.of(name);
    const known = this.#services.get(name);
    if (load === undefined || known?.view.removed === true) return false;
    // Whoever is alone with a service knows everything itself.
    const isShared = load.reporters > 1 || this.#options.audience(name) > 1;
    if (!isShared) {
      if (known?.view.reporters === 1 && known.view.streams.size === 0 && known.view.sequence === 0)
        return false;
      this.#set({ ...EMPTY_SERVICE_VIEW, name, reporters: 1 });
      return true;
    }
    this.#set({
      name,
      removed: false,
      reporters: load.reporters,
      requestsPerSecond: load.requestsPerSecond,
      ageMs: Math.max(0, nowMs - load.countedMs),
      streams: new Map(load.streams),
      sequence: this.#sequence,
    });
    return true;
  }

  #findService(name: string): EncodedResource | undefined {
    const known = this.#services.get(name);
    if (known === undefined) return undefined;
    known.resource ??= new EncodedResource(serviceView, name, encodeServiceView(known.view));
    return known.resource;
  }

  /** Made when another replica asks for it, and once for all of them. */
  #findReplicaLoads(): EncodedResource | undefined {
    const { replica, nowMs } = this.#options;
    if (replica === undefined) return undefined;
    this.#replicaLoads ??= new EncodedResource(
      replicaLoads,
      REPLICA_LOADS,
      encodeReplicaLoads(replicaLoadsOf(replica.id, replica.book, nowMs(), this.#sequence)),
    );
    return this.#replicaLoads;
  }

  #set(view: ServiceView): void {
    this.#services.set(view.name, { view, resource: undefined });
  }

  #bury(name: string): void {
    this.#tombstones.delete(name);
    this.#services.delete(name);
  }

  #changed(key: string, names: readonly string[]): void {
    this.#emit(serviceView, names, key);
  }

  #emit(type: OwnTypeUrl, names: readonly string[], service: string): void {
    const change = { service, resources: names.map((name) => ({ type, name })) };
    for (const each of this.#onChange) each(change);
  }
}
