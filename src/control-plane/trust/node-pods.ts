import type { Random } from "../../base/random.ts";
import type { ApiClient } from "../../kube/api-client.ts";
import type { KubeObject } from "../../kube/kube-object.ts";
import type { ObjectChange } from "../../kube/object-store.ts";
import { ObjectStore } from "../../kube/object-store.ts";
import type { CallerObject } from "../../kube/objects/caller-object.ts";
import type { ReflectorTimes } from "../../kube/reflector.ts";
import { REFLECTOR_TIMES, Reflector } from "../../kube/reflector.ts";
import { ReflectorStats } from "../../kube/reflector-stats.ts";
import type { ResourceKind } from "../../kube/resource-kind.ts";
import type { Log } from "../../telemetry/log.ts";

/** The Pods of one node, for as long as somebody looks at them. */
export interface NodeView<T extends KubeObject = CallerObject> {
  /** Whether they are all known. */
  readonly isKnown: boolean;
  readonly pods: Iterable<T>;
  /** @param uid "" for any. @returns whether the node has such a Pod. */
  has(namespace: string, name: string, uid: string): boolean;
  /** Looks no more. */
  close(): void;
}

/** What {@link NodePods} work with. */
export interface NodePodsOptions<T extends KubeObject = CallerObject> {
  readonly api: ApiClient;
  /** What is kept of Pods. */
  readonly kind: ResourceKind<T>;
  readonly log: Log;
  readonly random: Random;
  /** For tests. */
  readonly times?: ReflectorTimes;
  /** How long a node is watched on that nobody looks at, in ms: proxies come back. Default a minute. */
  readonly lingerMs?: number;
  /** Told of each change, before those who watch are. */
  readonly onChange?: (change: ObjectChange<T>) => void;
}

interface WatchedNode<T extends KubeObject> {
  readonly store: ObjectStore<T>;
  readonly reflector: Reflector<T>;
  readonly onChange: Set<() => void>;
  told: boolean;
  linger: NodeJS.Timeout | undefined;
}

const LINGER_MS = 60_000;

/**
 * Which Pods run on the nodes whose proxies are here. Their metadata do not say the node, so each node is asked for by itself, as its kubelet
 * asks: the API server has an index for that, and a replica reads of the cluster's Pods only those of its own proxies' nodes.
 */
export class NodePods<T extends KubeObject = CallerObject> {
  readonly #options: NodePodsOptions<T>;
  readonly #nodes = new Map<string, WatchedNode<T>>();
  /** Of all nodes together. */
  readonly stats = new ReflectorStats("Pod");

  constructor(options: NodePodsOptions<T>) {
    this.#options = options;
  }

  /** Nodes that are watched. */
  get size(): number {
    return this.#nodes.size;
  }

  /** @param onChange called when the Pods are known, and when they or what they say have changed; several changes are told together. */
  watch(node: string, onChange: () => void): NodeView<T> {
    const watched = this.#nodes.get(node) ?? this.#begin(node);
    clearTimeout(watched.linger);
    watched.linger = undefined;
    watched.onChange.add(onChange);
    return {
      get isKnown() {
        return watched.reflector.hasSynced;
      },
      get pods() {
        return watched.store.values();
      },
      has: (namespace, name, uid) => {
        const pod = watched.store.get(`${namespace}/${name}`);
        return pod !== undefined && (uid === "" || pod.uid === uid);
      },
      close: () => {
        if (!watched.onChange.delete(onChange) || watched.onChange.size > 0) return;
        watched.linger = setTimeout(() => this.#end(node, watched), this.#options.lingerMs ?? LINGER_MS);
        watched.linger.unref();
      },
    };
  }

  async close(): Promise<void> {
    const ends = [...this.#nodes].map(([node, watched]) => this.#end(node, watched));
    await Promise.all(ends);
  }

  #begin(node: string): WatchedNode<T> {
    const { api, kind, onChange, log, random, times = REFLECTOR_TIMES } = this.#options;
    const store = new ObjectStore<T>({
      onChange: (change) => {
        onChange?.(change);
        this.#tell(watched);
      },
      onFault: (error, key) => log.error("a fault of Isobar itself", { key, error }),
      isSame: kind.isSame,
    });
    const reflector = new Reflector({
      api,
      kind,
      fieldSelector: `spec.nodeName=${node}`,
      store,
      stats: this.stats,
      // A thousand watches fail together; the cluster's own say so.
      log: { ...log, warn: (message, fields) => log.debug(message, fields) },
      random,
      times,
    });
    const watched: WatchedNode<T> = { store, reflector, onChange: new Set(), told: true, linger: undefined };
    this.#nodes.set(node, watched);
    reflector.start();
    void reflector.synced.then(() => this.#tell(watched));
    return watched;
  }

  #tell(watched: WatchedNode<T>): void {
    if (!watched.told || !watched.reflector.hasSynced) return;
    watched.told = false;
    setImmediate(() => {
      watched.told = true;
      for (const call of [...watched.onChange]) call();
    });
  }

  async #end(node: string, watched: WatchedNode<T>): Promise<void> {
    clearTimeout(watched.linger);
    if (this.#nodes.get(node) === watched) this.#nodes.delete(node);
    await watched.reflector.stop();
  }
}
