import { setTimeout as sleep } from "node:timers/promises";
import type { Random } from "../base/random.ts";
import type { Log } from "../telemetry/log.ts";
import type { ApiClient } from "./api-client.ts";
import { ApiError } from "./api-error.ts";
import type { KubeObject } from "./kube-object.ts";
import { objectKey } from "./kube-object.ts";
import type { ObjectStore } from "./object-store.ts";
import type { RawObject } from "./raw-object.ts";
import type { ReflectorStats } from "./reflector-stats.ts";
import type { ResourceKind } from "./resource-kind.ts";
import { resourcePath } from "./resource-kind.ts";
import { retryDelayMs } from "./retry-delay.ts";
import type { WatchEvent } from "./watch-event.ts";

/** Times of a {@link Reflector}, in ms. */
export interface ReflectorTimes {
  /** How long a watch lasts before the server ends it; up to as much again is added by chance. */
  readonly watchMs: number;
  /** Silence after which a connection counts as dead; more than the minute between two bookmarks. */
  readonly idleMs: number;
  /** How long a kind that the server does not know is left alone. */
  readonly absentMs: number;
}

/** What applies unless a test says otherwise. Source of the first: client-go, 5 to 10 minutes. */
export const REFLECTOR_TIMES: ReflectorTimes = { watchMs: 300_000, idleMs: 120_000, absentMs: 10_000 };

/** A watch that lived so long was a good one. */
const GOOD_WATCH_MS = 5_000;
/** Answers "no such kind" in a row after which objects that were there are believed to be gone. */
const ABSENCES = 3;
const INITIAL_EVENTS_END = "k8s.io/initial-events-end";

/** What a {@link Reflector} works with. */
export interface ReflectorOptions<T extends KubeObject> {
  readonly api: ApiClient;
  readonly kind: ResourceKind<T>;
  /** Only objects with such fields, as the API server knows them: `spec.nodeName=n1`. Default: all. */
  readonly fieldSelector?: string;
  readonly store: ObjectStore<T>;
  readonly stats: ReflectorStats;
  readonly log: Log;
  readonly random: Random;
  readonly times?: ReflectorTimes;
}

/**
 * Keeps a store equal to what the API server has of one kind: lists, then watches, for ever, whatever happens.
 *
 * - The list is streamed (WatchList) where the server can, else it comes in pages.
 * - Watches go on from the last version seen, bookmarks included. A version that is gone leads to a new list, whose differences are
 *   told like events, deletions too; until it has come whole the store stays as it is.
 * - Every failure is waited out with {@link retryDelayMs}; the server's Retry-After counts where it is longer.
 *
 * Source: client-go's Reflector; Kubernetes API concepts, "Efficient detection of changes".
 */
export class Reflector<T extends KubeObject> {
  /** Settles when the store has had everything once. */
  readonly synced: Promise<void>;
  readonly #options: ReflectorOptions<T>;
  readonly #times: ReflectorTimes;
  readonly #markSynced: () => void;
  readonly #stop = new AbortController();
  #hasSynced = false;
  #running: Promise<void> | undefined;
  /** Where the watch goes on; "" to list first. */
  #version = "";
  /** Whether the next list comes in pages: the server refused to stream one, or a streamed one broke off. */
  #inPages = false;
  #failures = 0;
  #absences = 0;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#times = options.times ?? REFLECTOR_TIMES;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.synced = promise;
    this.#markSynced = resolve;
  }

  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** @returns when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const startedMs = performance.now();
      let waitMs = 0;
      try {
        if (this.#version !== "") await this.#watch("continue");
        else if (this.#inPages) await this.#listInPages();
        else await this.#watch("list");
        if (performance.now() - startedMs >= GOOD_WATCH_MS) this.#failures = 0;
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        if (performance.now() - startedMs >= GOOD_WATCH_MS) this.#failures = 0;
        waitMs = this.#waitAfter(error);
      }
      // A watch that ends at once, again and again, must not become a loop without pause.
      if (waitMs === 0 && this.#version !== "" && performance.now() - startedMs < 1_000)
        waitMs = this.#nextDelay();
      if (waitMs > 0) await sleep(waitMs, undefined, { signal: this.#stop.signal }).catch(() => {});
    }
  }

  /** A list that came whole is followed by a watch at once. */
  async #listInPages(): Promise<void> {
    const { api, kind, stats } = this.#options;
    const objects = new Map<string, T>();
    let page = "";
    let version = "";
    do {
      const query = {
        ...this.#selection(),
        limit: String(kind.pageSize),
        ...(page === "" ? {} : { continue: page }),
      };
      const list = await api.list(resourcePath(kind), query, this.#requestOptions());
      for (const raw of list.items ?? []) this.#keep(objects, raw);
      page = list.metadata?.continue ?? "";
      version = list.metadata?.resourceVersion ?? "";
    } while (page !== "");
    stats.lists++;
    this.#replace(objects, version);
    await this.#watch("continue");
  }

  /** @param mode `list`: the server first sends what there is, as if it were added, and a bookmark behind it. */
  async #watch(mode: "list" | "continue"): Promise<void> {
    const { api, kind, stats, random } = this.#options;
    const { watchMs, idleMs } = this.#times;
    const query = {
      ...this.#selection(),
      watch: "1",
      allowWatchBookmarks: "true",
      timeoutSeconds: String(Math.ceil((watchMs * (1 + random.nextFloat())) / 1_000)),
      ...(this.#version === "" ? {} : { resourceVersion: this.#version }),
      ...(mode === "list" ? { sendInitialEvents: "true", resourceVersionMatch: "NotOlderThan" } : {}),
    };
    let initial = mode === "list" ? new Map<string, T>() : undefined;
    stats.watches++;
    try {
      for await (const events of api.watch(resourcePath(kind), query, {
        ...this.#requestOptions(),
        idleMs,
        onOpen: () => {
          stats.failingSinceMs = 0;
        },
      })) {
        stats.lastEventMs = performance.now();
        stats.failingSinceMs = 0;
        this.#failures = 0;
        for (const event of events) {
          if (initial === undefined) this.#apply(event);
          else if (event.type !== "BOOKMARK") this.#keep(initial, event.object);
          else if (event.object.metadata?.annotations?.[INITIAL_EVENTS_END] === "true") {
            stats.lists++;
            this.#replace(initial, event.object.metadata.resourceVersion ?? "");
            initial = undefined;
          }
        }
      }
    } catch (error) {
      if (initial !== undefined) this.#inPages = true;
      throw error;
    }
    // Ended in the middle, without a word why.
    if (initial !== undefined) this.#inPages = true;
  }

  #apply({ type, object: raw }: WatchEvent): void {
    const { store, stats } = this.#options;
    this.#version = raw.metadata?.resourceVersion ?? this.#version;
    if (type === "BOOKMARK") return;
    stats.events++;
    const object = this.#decode(raw);
    if (object === undefined) return;
    if (type === "DELETED") store.remove(object);
    else store.upsert(object);
    stats.objects = store.size;
  }

  #replace(objects: ReadonlyMap<string, T>, version: string): void {
    const { store, stats } = this.#options;
    store.replace(objects);
    stats.objects = store.size;
    this.#version = version;
    this.#inPages = false;
    this.#failures = 0;
    this.#absences = 0;
    stats.failingSinceMs = 0;
    stats.isAbsent = false;
    this.#hasSynced = true;
    this.#markSynced();
  }

  #keep(objects: Map<string, T>, raw: RawObject): void {
    const object = this.#decode(raw);
    if (object !== undefined) objects.set(objectKey(object), object);
  }

  /** What cannot be read stays as it was: one odd object must not stop the others. */
  #decode(raw: RawObject): T | undefined {
    const { kind, store, stats, log } = this.#options;
    try {
      return kind.decode(raw);
    } catch (error) {
      stats.unreadable++;
      const { namespace = "", name = "" } = raw.metadata ?? {};
      log.error("an object of the API server cannot be read; its last version stays", {
        kind: kind.kind,
        namespace,
        name,
        error,
      });
      return store.get(objectKey({ namespace, name }));
    }
  }

  /** Decides what an error means. @returns how long to wait, in ms. */
  #waitAfter(error: unknown): number {
    const { kind, stats, log } = this.#options;
    if (error instanceof ApiError) {
      if (error.isExpired) {
        stats.expired++;
        this.#version = "";
        // Once is a matter of course, after a long absence; a server that says so for ever is not hurried.
        return this.#failures++ === 0 ? 1 : retryDelayMs(this.#failures, this.#options.random);
      }
      // A new list by pages is asked for at once: the server only cannot stream one.
      if (this.#version === "" && this.#inPages && (error.code === 400 || error.code === 422)) return 1;
      if (kind.optional && (error.code === 404 || error.code === 403)) return this.#absent(error);
    }
    stats.errors++;
    if (stats.failingSinceMs === 0) stats.failingSinceMs = performance.now();
    const waitMs = Math.max(this.#nextDelay(), error instanceof ApiError ? error.retryAfterMs : 0);
    log.warn("the API server does not answer as it should; the last known state stays", {
      kind: kind.kind,
      retryInMs: waitMs,
      error: error instanceof Error ? error.message : String(error),
      cause: error instanceof Error && error.cause instanceof Error ? error.cause.message : undefined,
    });
    return waitMs;
  }

  /** The kind is not installed, or not ours to read: that is an empty list, once it is certain. */
  #absent(error: ApiError): number {
    const { kind, store, log } = this.#options;
    this.#version = "";
    this.#inPages = true;
    if (++this.#absences === 1 || error.code === 403) {
      log.info("the API server has no such kind for us; it counts as empty", {
        kind: kind.kind,
        error: error.message,
      });
    }
    if (store.size === 0 || this.#absences >= ABSENCES) {
      const absences = this.#absences;
      this.#replace(new Map(), "");
      this.#absences = absences;
      this.#options.stats.isAbsent = true;
      this.#inPages = true;
    }
    return this.#times.absentMs * (0.5 + this.#options.random.nextFloat());
  }

  #nextDelay(): number {
    return retryDelayMs(++this.#failures, this.#options.random);
  }

  #selection(): Readonly<Record<string, string>> {
    const { fieldSelector } = this.#options;
    return fieldSelector === undefined ? {} : { fieldSelector };
  }

  #requestOptions(): { readonly metadataOnly: boolean; readonly signal: AbortSignal } {
    return { metadataOnly: this.#options.kind.metadataOnly, signal: this.#stop.signal };
  }
}
