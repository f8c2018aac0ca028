import type { AuthorityQuestion } from "../authorities/authority-waiting.ts";
import type { ProxyContext } from "../proxy-context.ts";

/** How a connection asks where it leads, once for each time that it is found out what it speaks. */
export class AuthorityWait implements AuthorityQuestion {
  authority = "";
  readonly source: string;
  readonly #context: ProxyContext;
  readonly #goOn: () => void;
  /** Whether it has not asked yet. */
  #isFresh = true;

  /** @param source address of the caller. @param goOn called later, when there is word or none in time. */
  constructor(context: ProxyContext, source: string, goOn: () => void) {
    this.#context = context;
    this.source = source;
    this.#goOn = goOn;
  }

  /** Whether there is somebody to ask, and it has not been done. */
  get mayAsk(): boolean {
    return this.#isFresh && this.#context.askedAuthorities !== undefined;
  }

  /** From now on it may ask once more. */
  renew(): void {
    this.#isFresh = true;
  }

  /** Asks. @returns whether it has to wait. */
  begin(authority: string): boolean {
    this.#isFresh = false;
    this.authority = authority;
    return this.#context.askedAuthorities?.ask(this) === true;
  }

  onWord(): void {
    this.#goOn();
  }

  /** The connection has gone. */
  cancel(): void {
    this.#context.askedAuthorities?.withdraw(this);
  }
}
