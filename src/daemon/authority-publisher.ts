import type { AuthorityNews } from "../proxy/authorities/authority-news.ts";
import { AuthorityState } from "../proxy/authorities/authority-news.ts";
import type { AuthoritiesMessage } from "./worker-messages.ts";

/** Hands the workers word of authorities, many at a time, and knows what they were told. */
export class AuthorityPublisher {
  readonly #broadcast: (message: AuthoritiesMessage) => void;
  /** What the workers have, by authority. */
  readonly #told = new Map<string, number>();
  #news: AuthorityNews[] = [];

  constructor(broadcast: (message: AuthoritiesMessage) => void) {
    this.#broadcast = broadcast;
  }

  /** What a worker is to be told that is new; undefined when there is nothing. */
  get message(): AuthoritiesMessage | undefined {
    if (this.#told.size === 0) return undefined;
    const news = [...this.#told].map(([authority, clusterSlot]) => ({ authority, clusterSlot }));
    return { kind: "authorities", news };
  }

  /**
   * Tells it when the present task ends, or with {@link flush}.
   *
   * @param clusterSlot the cluster it is a name of, or an {@link AuthorityState}.
   */
  tell(authority: string, clusterSlot: number): void {
    this.#news.push({ authority, clusterSlot });
    // What does not exist is remembered by those who asked, for a while.
    if (clusterSlot >= 0 || clusterSlot === AuthorityState.routed) this.#told.set(authority, clusterSlot);
    else this.#told.delete(authority);
    if (this.#news.length === 1) queueMicrotask(() => this.flush());
  }

  /** Tells what is to be told now: before something that must come after it. */
  flush(): void {
    if (this.#news.length === 0) return;
    const news = this.#news;
    this.#news = [];
    this.#broadcast({ kind: "authorities", news });
  }
}
