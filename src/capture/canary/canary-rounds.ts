import { CanaryConnection } from "./canary-connection.ts";

/** How a round over all workers of a generation went. */
export type RoundResult =
  | { readonly kind: "good" }
  /** Nobody listens at its port. */
  | { readonly kind: "refused" }
  | { readonly kind: "failed"; readonly why: string };

/** A canary that takes longer is lost, in milliseconds. */
export const CANARY_DEADLINE_MS = 500;

/** Canaries to one generation: a connection that stands for each worker, and a round over all of them when asked. */
export class CanaryRounds {
  readonly #address: string;
  readonly #port: number;
  readonly #onLost: () => void;
  readonly #byWorker = new Map<number, CanaryConnection>();
  #count = 0;

  /** @param onLost told when a connection that stood is lost, outside of rounds too. */
  constructor(address: string, port: number, onLost: () => void) {
    this.#address = address;
    this.#port = port;
    this.#onLost = onLost;
  }

  /**
   * One canary through every worker, all at once. Workers without a connection get one: whom a new connection goes to is
   * the proxy's choice, so there are some tries more than workers.
   */
  async round(workers: number): Promise<RoundResult> {
    const endMs = performance.now() + CANARY_DEADLINE_MS;
    for (const worker of this.#byWorker.keys()) if (worker >= workers) this.#drop(worker);
    const results = await Promise.all([...this.#byWorker].map(([worker, each]) => this.#again(worker, each)));
    const lost = results.find((result) => result.kind !== "good");
    for (let tries = workers * 2 + 2; this.#byWorker.size < workers; tries--) {
      const leftMs = Math.ceil(endMs - performance.now());
      if (leftMs <= 0 || tries === 0)
        return { kind: "failed", why: `${this.#byWorker.size} of ${workers} workers answered` };
      const result = await this.#open(leftMs);
      if (result.kind !== "good") return result;
    }
    // A worker that hung stays silent on its old connection and cannot have a new one: what was lost and is whole again was replaced.
    return lost !== undefined && lost.kind === "failed" && lost.why.startsWith("no answer")
      ? lost
      : { kind: "good" };
  }

  close(): void {
    for (const worker of [...this.#byWorker.keys()]) this.#drop(worker);
  }

  async #again(worker: number, connection: CanaryConnection): Promise<RoundResult> {
    const result = await connection.send(this.#nonce(), CANARY_DEADLINE_MS);
    if (result.kind === "answered" && result.worker === worker) return { kind: "good" };
    this.#drop(worker);
    return result.kind === "answered" ? { kind: "failed", why: "another worker answered" } : result;
  }

  async #open(deadlineMs: number): Promise<RoundResult> {
    const connection = new CanaryConnection(this.#address, this.#port);
    const result = await connection.send(this.#nonce(), deadlineMs);
    if (result.kind !== "answered") {
      connection.close();
      return result;
    }
    if (this.#byWorker.has(result.worker)) {
      connection.close();
      return { kind: "good" };
    }
    this.#byWorker.set(result.worker, connection);
    connection.onClose(() => {
      if (this.#byWorker.get(result.worker) !== connection) return;
      this.#byWorker.delete(result.worker);
      this.#onLost();
    });
    return { kind: "good" };
  }

  #drop(worker: number): void {
    const connection = this.#byWorker.get(worker);
    this.#byWorker.delete(worker);
    connection?.close();
  }

  #nonce(): string {
    this.#count += 1;
    return String(this.#count);
  }
}
