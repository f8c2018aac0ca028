/** Values of the `thread` label of isobar_thread_restarts_total. */
export const THREAD_KINDS = ["data_plane", "acceptor"] as const;
/** One of {@link THREAD_KINDS}. */
export type ThreadKind = (typeof THREAD_KINDS)[number];

/** Values of its `reason` label. */
export const DEATH_CAUSES = ["crash", "hung", "out_of_memory"] as const;
/** Why a thread died: an uncaught error, a loop that stood still, the limit of its heap. */
export type DeathCause = (typeof DEATH_CAUSES)[number];

/** Threads that died and were replaced, since the process started. */
export class ThreadRestarts {
  readonly #counts = new Map<string, number>();

  count(thread: ThreadKind, cause: DeathCause): void {
    this.#counts.set(`${thread} ${cause}`, this.of(thread, cause) + 1);
  }

  of(thread: ThreadKind, cause: DeathCause): number {
    return this.#counts.get(`${thread} ${cause}`) ?? 0;
  }
}
