import type { MessagePort, Transferable } from "node:worker_threads";
import { MessageChannel, Worker } from "node:worker_threads";
import type { AcceptorStart, AcceptorToMain, MainToAcceptor } from "./acceptor-messages.ts";

/** An acceptor holds nothing but sockets on their way. */
const HEAP_LIMIT_MB = 64;

/** What an {@link AcceptorThread} is made of. */
export interface AcceptorThreadOptions {
  readonly start: Omit<AcceptorStart, "beat">;
  /** The module the thread runs; default: acceptor.ts beside this one. For tests. */
  readonly entry: URL | undefined;
  readonly onMessage: (message: AcceptorToMain) => void;
  readonly onError: (error: Error) => void;
  readonly onExit: (exitCode: number) => void;
}

/** The acceptor, seen from the main thread. */
export class AcceptorThread {
  readonly #thread: Worker;
  readonly #beats: Int32Array;

  constructor(options: AcceptorThreadOptions) {
    const beat = new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT);
    const workerData: AcceptorStart = { ...options.start, beat };
    this.#beats = new Int32Array(beat);
    this.#thread = new Worker(options.entry ?? acceptorEntry(), {
      workerData,
      name: "acceptor",
      resourceLimits: { maxOldGenerationSizeMb: HEAP_LIMIT_MB },
    });
    this.#thread.on("message", options.onMessage);
    this.#thread.on("error", (error) => options.onError(error as Error));
    this.#thread.on("exit", options.onExit);
  }

  /** For heartbeat-watch.ts. */
  get beat(): number {
    return this.#beats[0]!;
  }

  /** For thread-processor.ts. */
  get threadId(): number {
    return this.#beats[1]!;
  }

  /** @returns the worker's end of the port that its sockets come through; to be transferred to it. */
  addWorker(worker: number, isNew: boolean): MessagePort {
    const { port1, port2 } = new MessageChannel();
    this.#send({ kind: "worker", worker, port: port1, isNew }, [port1]);
    return port2;
  }

  removeWorker(worker: number): void {
    this.#send({ kind: "worker-gone", worker });
  }

  /** Tries the hand-over, then opens the listeners; what came of it is told by messages. */
  listen(): void {
    this.#send({ kind: "listen" });
  }

  /** Closes the listeners, and tells the workers so. */
  close(): void {
    this.#send({ kind: "close" });
  }

  async terminate(): Promise<void> {
    await this.#thread.terminate();
  }

  #send(message: MainToAcceptor, transfer: readonly Transferable[] = []): void {
    this.#thread.postMessage(message, transfer);
  }
}

/** TypeScript in a checkout, JavaScript in a build. */
function acceptorEntry(): URL {
  return new URL(import.meta.url.endsWith(".ts") ? "./acceptor.ts" : "./acceptor.js", import.meta.url);
}
