import type { Output } from "../h2/output.ts";
import type { Runnable } from "./run-queue.ts";
import { RunQueue, SEVERAL } from "./run-queue.ts";

/** Work for nobody in particular that is too long for one turn. */
export interface WorkInShares {
  /** Does one share of it. @returns whether some is left. */
  run(): boolean;
}

/** A read that comes later than this after the last work found the loop asleep, in ms. */
const ASLEEP_MS = 0.05;

/**
 * The end of a loop turn: first what was put off until the input of the turn is known, then one write for each connection
 * with something to say, then a share of work for each connection whose input was more than its share.
 *
 * One `setImmediate` stands for all of it, because it runs right after the turn's reads: flushing on `nextTick` or after
 * each read costs 75 to 120 % more processor time for the same requests. Only the read that wakes a sleeping loop ends its
 * turn itself: mostly it is the only one, and a request should not wait for the loop's bookkeeping twice. A loop that did not
 * get to sleep reads once more before it writes: what has come meanwhile would be the next turn's, and now shares its writes
 * (a tenth fewer of them with 100 requests in flight).
 */
export class LoopTurn {
  /** Called before outputs are flushed; what it writes is flushed too. */
  beforeFlush: () => void = () => {};
  /** Who has input left over, and what each class of callers may do in this turn. */
  readonly queue: RunQueue = new RunQueue();

  #dirty: Output[] = [];
  #spare: Output[] = [];
  readonly #inShares: WorkInShares[] = [];
  #scheduled = false;
  /** The present read woke the loop, and what it asks for is done when it ends. */
  #waking = false;
  /** The loop did not get to sleep before the last read that began a turn. */
  #isBusy = false;
  /** This turn has been put off once, to read once more. */
  #hasGathered = false;
  #endedMs = 0;
  readonly #nowMs: () => number;
  readonly #turn = (): void => this.#run();

  /** @param nowMs the worker's clock. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Asks for the end of this turn; once is enough. */
  schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    if (!this.#waking) setImmediate(this.#turn);
  }

  /** A read is about to be looked at. @param nowMs the time of it. */
  readBegins(nowMs: number): void {
    if (this.#scheduled) return;
    this.#waking = nowMs - this.#endedMs > ASLEEP_MS;
    this.#isBusy = !this.#waking;
  }

  /** It has been. */
  readEnds(): void {
    if (!this.#waking) return;
    this.#waking = false;
    if (this.#scheduled) this.#run();
  }

  /** Notes an output with something to flush. */
  readonly markDirty = (output: Output): void => {
    this.#dirty.push(output);
    this.schedule();
  };

  /** Notes that `runnable` has input left over. */
  enqueue(runnable: Runnable): void {
    this.queue.push(runnable);
    this.schedule();
  }

  /**
   * Has a share of `work` done in one turn after the other until none is left; turns follow one another meanwhile. A turn has one share, however much such
   * work there is: all clusters may be made anew at once, and each connection would wait for a share of each of them.
   */
  doInShares(work: WorkInShares): void {
    this.#inShares.push(work);
    this.schedule();
  }

  /**
   * Writes what has been said so far, before the turn ends. For whoever says something to one connection after the other for longer than the first should wait for it;
   * it is no more writes where each of them is spoken to once.
   */
  flush(): void {
    const dirty = this.#dirty;
    this.#dirty = this.#spare;
    if (this.queue.sole === SEVERAL) this.#flushCharged(dirty);
    else for (let i = 0; i < dirty.length; i++) dirty[i]!.flush();
    dirty.length = 0;
    this.#spare = dirty;
  }

  /** Writes are most of the work that large bodies make: each is its class's. */
  #flushCharged(dirty: readonly Output[]): void {
    let fromMs = this.#nowMs();
    for (let i = 0; i < dirty.length; i++) {
      const output = dirty[i]!;
      output.flush();
      const nowMs = this.#nowMs();
      this.queue.charge(output.callerClass, 0, nowMs - fromMs);
      fromMs = nowMs;
    }
  }

  #run(): void {
    // Whoever has input left over for its share has waited a turn already.
    if (this.#isBusy && !this.#hasGathered && this.queue.size === 0 && this.#inShares.length === 0) {
      this.#hasGathered = true;
      setImmediate(this.#turn);
      return;
    }
    this.#hasGathered = false;
    this.#scheduled = false;
    this.beforeFlush();
    this.flush();
    const { queue } = this;
    if (queue.size > 0 || queue.sole === SEVERAL) {
      queue.serve(this.#endedMs);
      if (queue.size > 0) this.schedule();
    }
    if (this.#inShares.length > 0) {
      const work = this.#inShares.shift()!;
      if (work.run()) this.#inShares.push(work);
      if (this.#inShares.length > 0) this.schedule();
    }
    this.#endedMs = this.#nowMs();
  }
}
