import { monotonicClock } from "../base/clock.ts";
import type { Log } from "../telemetry/log.ts";
import type { ThreadKind } from "../telemetry/thread-restarts.ts";
import { WorkerColumn } from "../telemetry/worker-counters.ts";
import type { AcceptorToMain } from "./acceptor-messages.ts";
import type { AcceptorThread } from "./acceptor-thread.ts";
import { BoundListeners } from "./bound-listeners.ts";
import { CrashLoop, DEATHS_PERIOD_MS, MAX_DEATHS } from "./crash-loop.ts";
import { ExitCode, ExitError } from "./exit-code.ts";
import { HeartbeatWatch, WATCH_INTERVAL_MS } from "./heartbeat-watch.ts";
import type { ProxyCounters } from "./proxy-counters.ts";
import { readThreadProcessor } from "./thread-processor.ts";
import { WorkerLoads } from "./worker-loads.ts";
import type {
  ListeningMessage,
  MainToWorker,
  WorkerListener,
  WorkerStart,
  WorkerToMain,
} from "./worker-messages.ts";
import type { ThreadDeath } from "./worker-threads.ts";
import { deathOf, WorkerThreads } from "./worker-threads.ts";

/** The acceptor, where threads are named by number. */
export const ACCEPTOR = -1;
/** Until a thread that hangs must have ended. V8 interrupts any loop of JavaScript; what is left is a fault in native code. */
const KILL_LIMIT_MS = 2_000;

/** What {@link DataPlaneThreads} tells its owner. */
export interface DataPlaneThreadsOwner {
  /** All that a new worker has to hear to be as the others are. */
  state(): Iterable<MainToWorker>;
  /** @param thread the worker's index, or {@link ACCEPTOR}. */
  onListening(message: ListeningMessage, thread: number): void;
  onListenFailed(name: string, error: string): void;
  onServing(worker: number): void;
  /** What else a worker says. */
  onMessage(worker: number, message: WorkerToMain): void;
  /** A thread runs no more. For a worker: what it had open is to be cleared now, before its replacement starts. */
  onGone(thread: number): void;
  /** The process cannot go on. */
  onFault(error: ExitError): void;
}

/** What {@link DataPlaneThreads} is made of. */
export interface DataPlaneThreadsOptions {
  /** The module of the workers. */
  readonly workerEntry: URL;
  /** The module of the acceptor; default: the real one. */
  readonly acceptorEntry: URL | undefined;
  readonly workerCount: number;
  readonly listeners: readonly WorkerListener[];
  /** The same for all workers. */
  readonly start: Omit<
    WorkerStart,
    "workerIndex" | "workerCount" | "timeOriginMs" | "listeners" | "listening" | "loads"
  >;
  readonly counters: ProxyCounters;
  readonly log: Log;
}

/**
 * The threads of the data plane: N workers and, when N is above 1, an acceptor. A thread that dies or hangs is replaced
 * within about a second and costs the connections it had; threads that keep dying end the process.
 *
 *     N = 1   worker 0 listens itself; its replacement binds the same addresses again
 *     N > 1   the acceptor listens and hands sockets over, or, where Node cannot do that,
 *             every worker listens with SO_REUSEPORT
 */
export class DataPlaneThreads {
  readonly #options: DataPlaneThreadsOptions;
  readonly #owner: DataPlaneThreadsOwner;
  readonly #workers: WorkerThreads;
  readonly #loads: WorkerLoads;
  readonly #bound: BoundListeners;
  readonly #watch: HeartbeatWatch;
  readonly #watchTimer: NodeJS.Timeout;
  readonly #crashLoop = new CrashLoop();
  readonly #serving = new Set<number>();
  /** Workers that have served once: one that never did cannot be helped by another try. */
  readonly #proven = new Set<number>();
  readonly #killTimers = new Map<number, NodeJS.Timeout>();
  #acceptor: AcceptorThread | undefined;
  #listenAsked = false;
  #handsOver: boolean;
  #leaving = false;

  constructor(options: DataPlaneThreadsOptions, owner: DataPlaneThreadsOwner) {
    const { workerCount, counters } = options;
    this.#options = options;
    this.#owner = owner;
    this.#handsOver = workerCount > 1;
    this.#loads = new WorkerLoads(workerCount);
    this.#bound = new BoundListeners(options.listeners);
    this.#workers = new WorkerThreads(options.workerEntry, {
      onMessage: (worker, message) => this.#receive(worker, message),
      onDeath: (worker, death) => this.#workerDied(worker, death),
    });
    this.#watch = new HeartbeatWatch(workerCount + 1, {
      beatOf: (thread) =>
        thread === workerCount
          ? (this.#acceptor?.beat ?? 0)
          : counters.workers.row(thread)[WorkerColumn.heartbeatMs]!,
      processorOf: (thread) =>
        readThreadProcessor(
          thread === workerCount ? (this.#acceptor?.threadId ?? 0) : this.#loads.threadId(thread),
        ),
      onHung: (thread) => this.#hangs(thread),
    });
    this.#watchTimer = setInterval(() => this.#watch.look(), WATCH_INTERVAL_MS);
    for (let worker = 0; worker < workerCount; worker++) this.#startWorker(worker);
    if (this.#handsOver) void this.#startAcceptor();
  }

  /** Sends one message to every worker; shared memory in it is not copied. */
  broadcast(message: MainToWorker): void {
    this.#workers.broadcast(message);
  }

  /** Closes the listeners and lets streams finish. Who dies from now on is not replaced. */
  drain(limitMs: number): void {
    this.#leaving = true;
    this.#acceptor?.close();
    this.broadcast({ kind: "drain", limitMs });
  }

  /** Ends all threads at once. */
  async terminate(): Promise<void> {
    this.#leaving = true;
    clearInterval(this.#watchTimer);
    for (const timer of this.#killTimers.values()) clearTimeout(timer);
    const acceptor = this.#acceptor;
    this.#acceptor = undefined;
    await Promise.all([this.#workers.terminate(), acceptor?.terminate()]);
    this.#bound.releaseUnix();
  }

  #startWorker(workerIndex: number): void {
    const { start, workerCount } = this.#options;
    const sharing = workerCount > 1 ? "shared" : "own";
    this.#workers.start({
      ...start,
      workerIndex,
      workerCount,
      timeOriginMs: performance.timeOrigin,
      listeners: this.#bound.all,
      listening: this.#handsOver ? "handed" : sharing,
      loads: this.#loads.buffer,
    });
    this.#watch.watch(workerIndex);
  }

  #receive(worker: number, message: WorkerToMain): void {
    switch (message.kind) {
      case "serving":
        return this.#serves(worker);
      case "listening":
        this.#bound.add(message);
        this.#owner.onListening(message, worker);
        return this.#spreadListeners(worker);
      case "listen-failed":
        return this.#owner.onListenFailed(message.name, message.error);
      default:
        return this.#owner.onMessage(worker, message);
    }
  }

  #serves(worker: number): void {
    this.#serving.add(worker);
    this.#watch.serves(worker);
    this.#proven.add(worker);
    this.#owner.onServing(worker);
    if (this.#handsOver && this.#acceptor !== undefined) this.#connect(worker, true);
  }

  /** Gives acceptor and worker a port to each other. */
  #connect(worker: number, isNew: boolean): void {
    const acceptor = this.#acceptor!;
    const port = acceptor.addWorker(worker, isNew);
    this.#workers.send(worker, { kind: "acceptor-port", port }, [port]);
    const enough = this.#bound.isComplete ? 1 : this.#options.workerCount;
    if (this.#listenAsked || this.#serving.size < enough) return;
    this.#listenAsked = true;
    acceptor.listen();
  }

  async #startAcceptor(): Promise<void> {
    // Loaded at need: one worker listens itself.
    const { AcceptorThread } = await import("./acceptor-thread.ts");
    if (this.#leaving) return;
    const { workerCount, acceptorEntry } = this.#options;
    let failed = false;
    const unixFds = await this.#bound.bindUnix((name, error) => {
      failed = true;
      this.#owner.onListenFailed(name, error);
    });
    if (failed || this.#leaving) return;
    let error: Error | undefined;
    this.#listenAsked = false;
    this.#acceptor = new AcceptorThread({
      start: {
        listeners: this.#bound.all,
        unixFds,
        workerCount,
        anyIp: this.#options.start.anyIp,
        loads: this.#loads.buffer,
      },
      entry: acceptorEntry,
      onMessage: (message) => this.#receiveFromAcceptor(message),
      onError: (thrown) => {
        error = thrown;
      },
      onExit: (exitCode) => this.#acceptorDied(deathOf(error, exitCode)),
    });
    this.#watch.watch(workerCount);
    for (const worker of this.#serving) this.#connect(worker, false);
  }

  #receiveFromAcceptor(message: AcceptorToMain): void {
    switch (message.kind) {
      case "listening":
        this.#bound.add(message);
        this.#watch.serves(this.#options.workerCount);
        return this.#owner.onListening(message, ACCEPTOR);
      case "listen-failed":
        return this.#owner.onListenFailed(message.name, message.error);
      case "hand-over-tested":
        return message.error === "" ? undefined : this.#shareListeners(message.error);
      case "log":
        return this.#options.log[message.level](message.message, { ...message.fields, thread: "acceptor" });
    }
  }

  /** What is left when sockets cannot be handed over: every worker listens, and the kernel chooses. */
  #shareListeners(reason: string): void {
    this.#options.log.warn(
      "sockets cannot be handed to other threads here; every data-plane thread listens, and few connections are spread unevenly",
      { reason, node: process.version },
    );
    this.#handsOver = false;
    this.#watch.ignore(this.#options.workerCount);
    const acceptor = this.#acceptor;
    this.#acceptor = undefined;
    void acceptor?.terminate();
    this.#bound.releaseUnix();
    // The first one alone: where the configuration says port 0, the others have to open the port it gets.
    this.#workers.send(0, { kind: "listen", listeners: this.#bound.all });
  }

  #spreadListeners(worker: number): void {
    if (this.#handsOver || worker !== 0 || !this.#bound.isComplete) return;
    for (let other = 1; other < this.#options.workerCount; other++)
      this.#workers.send(other, { kind: "listen", listeners: this.#bound.all });
  }

  #hangs(thread: number): void {
    const { log, workerCount } = this.#options;
    log.error("a thread hangs and is ended", { thread: nameOf(thread, workerCount) });
    this.#killTimers.set(
      thread,
      setTimeout(() => {
        const what = `${nameOf(thread, workerCount)} hangs and cannot be ended`;
        this.#owner.onFault(new ExitError(ExitCode.fault, `${what}: a fault in native code`));
      }, KILL_LIMIT_MS),
    );
    if (thread === workerCount) void this.#acceptor?.terminate();
    else this.#workers.kill(thread);
  }

  #workerDied(worker: number, death: ThreadDeath): void {
    this.#serving.delete(worker);
    this.#loads.retire(worker);
    this.#acceptor?.removeWorker(worker);
    const isUseless = !this.#proven.has(worker);
    if (!this.#buried(worker, worker, "data_plane", death, isUseless)) return;
    this.#startWorker(worker);
    for (const message of this.#owner.state()) this.#workers.send(worker, message);
  }

  #acceptorDied(death: ThreadDeath): void {
    if (this.#acceptor === undefined) return;
    this.#acceptor = undefined;
    const isUseless = !this.#bound.isComplete;
    if (this.#buried(this.#options.workerCount, ACCEPTOR, "acceptor", death, isUseless))
      void this.#startAcceptor();
  }

  /**
   * What is the same for all that die.
   *
   * @param thread its place among the watched; `ownersThread`: as the owner names it.
   * @param isUseless whether another try cannot help.
   * @returns whether it is to be replaced.
   */
  #buried(
    thread: number,
    ownersThread: number,
    kind: ThreadKind,
    { cause, reason }: ThreadDeath,
    isUseless: boolean,
  ): boolean {
    const { log, counters, workerCount } = this.#options;
    const killTimer = this.#killTimers.get(thread);
    clearTimeout(killTimer);
    this.#killTimers.delete(thread);
    this.#watch.ignore(thread);
    this.#owner.onGone(ownersThread);
    const hung = killTimer !== undefined;
    const why = hung ? "no heartbeat for 1 s" : reason;
    const name = nameOf(thread, workerCount);
    if (this.#leaving) {
      log.error("a thread died while leaving", { thread: name, reason: why });
      return false;
    }
    if (isUseless) {
      this.#owner.onFault(new ExitError(ExitCode.fault, `${name} died: ${why}`));
      return false;
    }
    if (this.#crashLoop.died(monotonicClock.nowMs())) {
      const many = `more than ${MAX_DEATHS} threads died within ${DEATHS_PERIOD_MS / 1000} s`;
      this.#owner.onFault(new ExitError(ExitCode.fault, `${many}; the last one: ${name} died: ${why}`));
      return false;
    }
    counters.restarts.count(kind, hung ? "hung" : cause);
    log.error("a thread died and is replaced, its connections are lost", { thread: name, reason: why });
    return true;
  }
}

function nameOf(thread: number, workerCount: number): string {
  return thread === workerCount ? "acceptor" : `data-plane thread ${thread}`;
}
