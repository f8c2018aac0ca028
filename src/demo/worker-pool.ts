/** A call that waits for a worker or is being served; give it back to {@link WorkerPool.cancel} when its caller left. */
export interface Ticket {
  readonly done: () => void;
  timer: NodeJS.Timeout | undefined;
  ended: boolean;
}

/**
 * A bounded number of workers in front of one queue, first come first served: the reason why a backend that gets more
 * than its share answers late. The work is a timer, so it costs no CPU.
 */
export class WorkerPool {
  /** Calls that wait for a worker or have one. */
  depth = 0;

  readonly #queue: Ticket[] = [];
  readonly #serviceMs: () => number;
  #free: number;

  /**
   * @param workers calls served at the same time.
   * @param serviceMs draws the time that the next call takes once it has a worker.
   */
  constructor(workers: number, serviceMs: () => number) {
    this.#free = workers;
    this.#serviceMs = serviceMs;
  }

  /** Calls `done` when a worker was free and the service time has passed, unless cancelled before. */
  submit(done: () => void): Ticket {
    const ticket: Ticket = { done, timer: undefined, ended: false };
    this.depth++;
    this.#queue.push(ticket);
    this.#serveNext();
    return ticket;
  }

  /** Ends a call whose caller is gone: it frees its worker, or never takes one. */
  cancel(ticket: Ticket): void {
    if (ticket.ended) return;
    this.#end(ticket);
    if (ticket.timer === undefined) return;
    clearTimeout(ticket.timer);
    this.#free++;
    this.#serveNext();
  }

  #serveNext(): void {
    while (this.#free > 0) {
      const ticket = this.#queue.shift();
      if (ticket === undefined) return;
      if (ticket.ended) continue;
      this.#free--;
      ticket.timer = setTimeout(() => this.#finish(ticket), this.#serviceMs());
    }
  }

  #finish(ticket: Ticket): void {
    this.#free++;
    this.#end(ticket);
    ticket.done();
    this.#serveNext();
  }

  #end(ticket: Ticket): void {
    ticket.ended = true;
    this.depth--;
  }
}
