/** Units of work one connection may do before others have their turn: see `Connection.receive`. */
export const SHARE_UNITS = 512;
/** Classes of callers: 0 to 255. */
const CLASSES = 256;
/** The class of who is not told apart. */
const UNCLASSED = 0;
/** {@link RunQueue.sole} while several classes have work. */
export const SEVERAL = -1;
/** What a class does in a turn at most beside others, about half a millisecond: a request of another waits so long, and its answer again. */
const MOST_QUANTUM = 256;
/** The same where no other class has done anything for a while: long turns cost less for each request. */
const ALONE_QUANTUM = 4_096;
/** That while, in ms, and in turns: the thread may have been without its core. */
const CONTENDS_MS = 25;
const CONTENDS_TURNS = 10;
/** What a class may do in a turn at least, however many there are: less would be spent on going round. */
const LEAST_QUANTUM = 64;
/** What all classes together do in a turn, about, where there are not too many for it. */
const TURN_UNITS = 2_048;
/** Work that takes its time: header sections that unfold, above all. A unit is usually 1 to 3 µs. */
const UNITS_PER_MS = 500;
/** What is charged at once at most: the thread may have been without its core meanwhile, which nobody is to pay for long. */
const MOST_CHARGED = 2_048;
/** A class that had nothing to do for so long is not reckoned with at all. */
const LINGER_MS = 1_000;
/** In the place of the time: has joined in this turn. */
const JOINED = -1;

/** Something with work left over from its last share of the loop. */
export interface Runnable {
  /** Whose work it is. */
  readonly callerClass: number;
  /** The next in its queue; kept by the {@link RunQueue}. */
  nextInTurn: Runnable | undefined;
  /** Does so many units of work, about, and charges what it did ({@link RunQueue.charge}). @returns whether some is left. */
  run(units: number): boolean;
}

/**
 * Who goes on with input that was more than its share, fair among classes of callers (namespaces): deficit round robin, in which a round is a
 * turn of the loop. In each turn every class may do a quantum of work: first what its connections read, then, at the turn's end, what waits
 * here. A class that has used its quantum waits for the next turn; what another leaves unused for more than a round is lost to it and not to
 * the machine, because turns follow one another without sleeping as long as anybody waits.
 *
 * With one class nothing is reckoned: a connection asks whether its class is {@link sole}, and has its share.
 *
 * Source: Shreedhar and Varghese, "Efficient Fair Queueing Using Deficit Round Robin", SIGCOMM 1995.
 */
export class RunQueue {
  /** The only class that has had work lately, or {@link SEVERAL}. */
  sole = 0;
  /** Who waits. */
  size = 0;
  /**
   * Whether callers that are not told apart are a class like others. Where they are only our own (canaries, reports that endpoints send), what comes
   * once a second would have every read and write of a single class reckoned for ever: then they are one from the first input on that they leave over.
   */
  reckonsUnclassed = true;
  /** What each class may still do in this turn; below 0 what it did too much. */
  readonly #deficit = new Int32Array(CLASSES);
  /** What it has done in this turn. */
  readonly #done = new Int32Array(CLASSES);
  /** When it last did something, and in which turn. */
  readonly #lastMs = new Float64Array(CLASSES);
  readonly #lastTurn = new Int32Array(CLASSES);
  #turn = 0;
  /** By class: first and last of who waits. */
  readonly #head: (Runnable | undefined)[] = new Array(CLASSES).fill(undefined);
  readonly #tail: (Runnable | undefined)[] = new Array(CLASSES).fill(undefined);
  /** Classes that are reckoned with while there are several. */
  readonly #active: number[] = [];
  readonly #isActive = new Uint8Array(CLASSES);
  #quantum = MOST_QUANTUM;

  /** @returns what a connection of the class may do now, for one that is not {@link sole}: 0 where it is to wait for its turn. */
  allowance(callerClass: number): number {
    if (this.#isActive[callerClass] === 0) {
      if (this.#isFree(callerClass)) return SHARE_UNITS;
      this.#join(callerClass);
    }
    return Math.max(0, Math.min(SHARE_UNITS, this.#deficit[callerClass]!));
  }

  /** Notes work that was done, by a class that is not {@link sole}. @param tookMs how long it took. */
  charge(callerClass: number, units: number, tookMs: number): void {
    if (this.#isActive[callerClass] === 0) {
      if (this.#isFree(callerClass)) return;
      this.#join(callerClass);
    }
    const charged = Math.max(units, Math.min(MOST_CHARGED, Math.trunc(tookMs * UNITS_PER_MS)));
    this.#deficit[callerClass]! -= charged;
    this.#done[callerClass]! += charged;
  }

  /** Puts one that has work left in line. */
  push(runnable: Runnable): void {
    const { callerClass } = runnable;
    if (callerClass !== this.sole && this.#isActive[callerClass] === 0) this.#join(callerClass);
    this.#append(runnable);
    this.size++;
  }

  /** The end of a turn: lets go on who waits and may. @param nowMs of a clock that may be as old as the turn. */
  serve(nowMs: number): void {
    if (this.sole !== SEVERAL) {
      this.#serveOnce(this.sole);
      return;
    }
    // Who joins meanwhile has its first quantum in this turn.
    for (let i = 0; i < this.#active.length; i++) this.#serveQuantum(this.#active[i]!);
    this.#beginRound(nowMs);
  }

  /** Each of the class's has one share. */
  #serveOnce(callerClass: number): void {
    for (let left = this.size; left > 0; left--) {
      const runnable = this.#shift(callerClass);
      if (runnable === undefined) return;
      this.#run(runnable, SHARE_UNITS);
    }
  }

  /** Each of the class's has one share at most: more requests of one connection than it may have open would come together. */
  #serveQuantum(callerClass: number): void {
    const last = this.#tail[callerClass];
    while (this.#deficit[callerClass]! > 0) {
      const runnable = this.#shift(callerClass);
      if (runnable === undefined) return;
      this.#run(runnable, this.allowance(callerClass));
      if (runnable === last) return;
    }
  }

  #run(runnable: Runnable, units: number): void {
    if (runnable.run(units)) this.#append(runnable);
    else this.size--;
  }

  #beginRound(nowMs: number): void {
    const active = this.#active;
    this.#turn = (this.#turn + 1) | 0;
    let contending = 0;
    for (const callerClass of active) {
      const isBusy = this.#done[callerClass]! > 0 || this.#head[callerClass] !== undefined;
      if (isBusy || this.#lastMs[callerClass] === JOINED) {
        this.#lastMs[callerClass] = nowMs;
        this.#lastTurn[callerClass] = this.#turn;
      }
      const turns = (this.#turn - this.#lastTurn[callerClass]!) | 0;
      if (turns <= CONTENDS_TURNS || nowMs - this.#lastMs[callerClass]! <= CONTENDS_MS) contending++;
    }
    const isAlone = contending <= 1;
    this.#quantum = isAlone
      ? ALONE_QUANTUM
      : Math.max(LEAST_QUANTUM, Math.min(MOST_QUANTUM, Math.trunc(TURN_UNITS / contending)));
    for (let i = active.length - 1; i >= 0; i--) {
      const callerClass = active[i]!;
      this.#done[callerClass] = 0;
      // One round's worth is kept beside others: who has a single connection has nothing to read in the turn that its leftovers take.
      const deficit = this.#deficit[callerClass]! + this.#quantum;
      this.#deficit[callerClass] = Math.min(isAlone ? this.#quantum : 2 * this.#quantum, deficit);
      if (nowMs - this.#lastMs[callerClass]! <= LINGER_MS) continue;
      active.splice(i, 1);
      this.#isActive[callerClass] = 0;
    }
    if (active.length > 1) return;
    this.sole = active[0] ?? 0;
    active.length = 0;
    this.#isActive[this.sole] = 0;
  }

  #isFree(callerClass: number): boolean {
    return callerClass === UNCLASSED && !this.reckonsUnclassed;
  }

  /** Another class than the sole one, or than those there are, has work. */
  #join(callerClass: number): void {
    if (this.sole !== SEVERAL) {
      const former = this.sole;
      this.sole = SEVERAL;
      this.#enter(former);
    }
    if (this.#isActive[callerClass] === 0) this.#enter(callerClass);
  }

  #enter(callerClass: number): void {
    this.#isActive[callerClass] = 1;
    this.#active.push(callerClass);
    this.#deficit[callerClass] = this.#quantum;
    this.#done[callerClass] = 0;
    this.#lastMs[callerClass] = JOINED;
  }

  #append(runnable: Runnable): void {
    const { callerClass } = runnable;
    const tail = this.#tail[callerClass];
    if (tail === undefined) this.#head[callerClass] = runnable;
    else tail.nextInTurn = runnable;
    this.#tail[callerClass] = runnable;
  }

  #shift(callerClass: number): Runnable | undefined {
    const runnable = this.#head[callerClass];
    if (runnable === undefined) return undefined;
    this.#head[callerClass] = runnable.nextInTurn;
    if (runnable.nextInTurn === undefined) this.#tail[callerClass] = undefined;
    runnable.nextInTurn = undefined;
    return runnable;
  }
}
