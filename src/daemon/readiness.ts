/**
 * Whether the proxy should get traffic: a first snapshot is in force, every listener is open, a data-plane thread serves,
 * it is not short of memory, and it is not leaving. One thread of several suffices: while the others are replaced, it serves all clients.
 */
export class Readiness {
  /** Who has it open, by listener. */
  readonly #listeners: ReadonlyMap<string, Set<number>>;
  readonly #serving = new Set<number>();
  #snapshotInForce = false;
  #draining = false;
  #overload: string | undefined;

  constructor(listenerNames: readonly string[]) {
    this.#listeners = new Map(listenerNames.map((name) => [name, new Set()]));
  }

  snapshotInForce(): void {
    this.#snapshotInForce = true;
  }

  get isSnapshotInForce(): boolean {
    return this.#snapshotInForce;
  }

  /** @param thread a worker's index, or -1 for the acceptor. */
  listenerOpen(name: string, thread: number): void {
    this.#listeners.get(name)?.add(thread);
  }

  serving(worker: number): void {
    this.#serving.add(worker);
  }

  /** A thread is dead, and what it had open is closed. */
  threadGone(thread: number): void {
    this.#serving.delete(thread);
    for (const threads of this.#listeners.values()) threads.delete(thread);
  }

  /** @param reason why there is no room for more traffic; undefined when there is again. */
  overloaded(reason: string | undefined): void {
    this.#overload = reason;
  }

  draining(): void {
    this.#draining = true;
  }

  get isDraining(): boolean {
    return this.#draining;
  }

  /** @returns why it is not ready, in words; `undefined` when it is. */
  reason(): string | undefined {
    if (this.#draining) return "draining";
    // In the order of the start: the listeners are opened when the workers have the first snapshot.
    if (!this.#snapshotInForce) return "waiting for the first snapshot";
    const closed = [...this.#listeners].filter(([, threads]) => threads.size === 0).map(([name]) => name);
    if (closed.length > 0) return `listeners not open yet: ${closed.join(", ")}`;
    return this.#serving.size > 0 ? this.#overload : "no data-plane thread serves";
  }
}
