/** Whether the proxy should get traffic: a first snapshot is in force, every listener is open, and it is not leaving. */
export class Readiness {
  readonly #closedListeners: Set<string>;
  #snapshotInForce = false;
  #draining = false;

  constructor(listenerNames: readonly string[]) {
    this.#closedListeners = new Set(listenerNames);
  }

  snapshotInForce(): void {
    this.#snapshotInForce = true;
  }

  listenerOpen(name: string): void {
    this.#closedListeners.delete(name);
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
    // In the order of the start: workers open the listeners when they have the first snapshot.
    if (!this.#snapshotInForce) return "waiting for the first snapshot";
    if (this.#closedListeners.size === 0) return undefined;
    return `listeners not open yet: ${[...this.#closedListeners].join(", ")}`;
  }
}
