import type { Cluster } from "./cluster.ts";
import type { AssignedSlots } from "./cluster-slots.ts";
import { SlotLimitError } from "./slot-limit-error.ts";
import { SlotPool } from "./slot-pool.ts";

/**
 * Endpoint slots of a process, over all clusters: what the shared per-endpoint arrays are sized by. Slots are handed out from the first on, and
 * memory that nothing was written to takes none, so that what they come to follows use and not this number.
 */
export const MAX_ENDPOINT_SLOTS = 131_072;

/** Cluster slots of a process. */
export const MAX_CLUSTER_SLOTS = 4096;

/** What a {@link SlotRegistry} needs to know before it exists. */
export interface SlotRegistryOptions {
  /** Workers that must acknowledge before a slot is reused; 1 to 31. Their indexes are 0 to `workerCount - 1`. */
  readonly workerCount: number;
  /** Default {@link MAX_ENDPOINT_SLOTS}. */
  readonly maxEndpointSlots?: number;
  /** Default {@link MAX_CLUSTER_SLOTS}. */
  readonly maxClusterSlots?: number;
}

/**
 * Gives every cluster and every endpoint key a small number that stays its own for as long as it is listed, so that
 * counters, load and connections of survivors outlive any update. Lives on the main thread.
 *
 *     free ──assign──▶ listed ──assign without it, or remove──▶ released ──every worker acknowledged──▶ free
 *
 * A slot that is no longer listed is handed out again, with the next generation, only after every worker has said that
 * it uses it no more. Release is final: a key that comes back gets another slot, so that an acknowledgement on its
 * way can never be taken for a later one, and a worker never has to take back an endpoint it is draining.
 */
export class SlotRegistry {
  readonly #endpointSlots: SlotPool;
  readonly #clusterSlots: SlotPool;
  /** By cluster. Lists, and a set of one only while it is compared: a thousand small sets take four times as much. */
  readonly #endpointKeys = new Map<string, readonly string[]>();

  constructor(options: SlotRegistryOptions) {
    const { workerCount } = options;
    if (!Number.isInteger(workerCount) || workerCount < 1 || workerCount > 31) {
      throw new RangeError(`workers: found ${workerCount}, wanted 1 to 31`);
    }
    this.#endpointSlots = new SlotPool(options.maxEndpointSlots ?? MAX_ENDPOINT_SLOTS, workerCount);
    this.#clusterSlots = new SlotPool(options.maxClusterSlots ?? MAX_CLUSTER_SLOTS, workerCount);
  }

  /**
   * Makes `cluster` the truth for its name: its new endpoints get slots, those it no longer lists are released.
   *
   * @returns the slots in the order of `cluster.endpoints`, for {@link encodeClusterSnapshot}.
   * @throws SlotLimitError when slots do not suffice, and Error for a key listed twice; nothing has changed then.
   */
  assign(cluster: Cluster): AssignedSlots {
    const { name, endpoints } = cluster;
    const keys = new Set<string>();
    let wanted = 0;
    for (const { key } of endpoints) {
      if (keys.has(key)) throw new Error(`cluster ${name}: endpoint ${key} is listed twice`);
      keys.add(key);
      if (!this.#endpointSlots.has(key)) wanted++;
    }
    if (!this.#clusterSlots.has(name) && this.#clusterSlots.left < 1) {
      throw new SlotLimitError(name, "cluster", 1, this.#clusterSlots);
    }
    if (wanted > this.#endpointSlots.left) {
      throw new SlotLimitError(name, "endpoint", wanted, this.#endpointSlots);
    }

    const clusterSlot = this.#clusterSlots.acquire(name);
    const slots = new Int32Array(endpoints.length);
    const generations = new Int32Array(endpoints.length);
    const joined: number[] = [];
    const left: number[] = [];
    const former = this.#endpointKeys.get(name) ?? [];
    const known = new Set(former);
    for (let i = 0; i < endpoints.length; i++) {
      const { key } = endpoints[i]!;
      const slot = this.#endpointSlots.acquire(key);
      slots[i] = slot;
      generations[i] = this.#endpointSlots.generation(slot);
      if (!known.has(key)) joined.push(i);
    }
    for (const key of former) {
      if (!keys.has(key)) left.push(this.#endpointSlots.release(key));
    }
    this.#endpointKeys.set(name, [...keys]);
    return {
      clusterSlot,
      endpointSlots: slots,
      endpointGenerations: generations,
      changes: { joined: Int32Array.from(joined), left: Int32Array.from(left) },
    };
  }

  /**
   * Releases a cluster and all its endpoints.
   *
   * @returns its cluster slot, or -1 when the name is not listed.
   */
  remove(name: string): number {
    const keys = this.#endpointKeys.get(name);
    if (keys === undefined) return -1;
    for (const key of keys) this.#endpointSlots.release(key);
    this.#endpointKeys.delete(name);
    return this.#clusterSlots.release(name);
  }

  /**
   * A worker's word that it uses these released slots no more: no stream, no connection, no reference. Slots that are
   * not released are left as they are.
   */
  acknowledge(worker: number, endpointSlots: Iterable<number>, clusterSlots: Iterable<number> = []): void {
    for (const slot of endpointSlots) this.#endpointSlots.acknowledge(worker, slot);
    for (const slot of clusterSlots) this.#clusterSlots.acknowledge(worker, slot);
  }

  /**
   * To be called right before the replacement of a dead worker gets its first snapshot: the dead one uses nothing, and
   * the new one never hears of what is released by now.
   */
  workerGone(worker: number): void {
    this.#endpointSlots.acknowledgeAll(worker);
    this.#clusterSlots.acknowledgeAll(worker);
  }

  /** @returns the slot of a listed endpoint, else -1. */
  endpointSlot(key: string): number {
    return this.#endpointSlots.slotOf(key);
  }

  /** @returns the slot of a listed cluster, else -1. */
  clusterSlot(name: string): number {
    return this.#clusterSlots.slotOf(name);
  }
}
