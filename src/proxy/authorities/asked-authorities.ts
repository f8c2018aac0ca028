import { WorkerColumn } from "../../telemetry/worker-counters.ts";
import { fail } from "../exchange-fail.ts";
import type { ProxyContext } from "../proxy-context.ts";
import type { ProxyError } from "../proxy-error.ts";
import { PROXY_ERRORS } from "../proxy-error.ts";
import type { AuthorityNews } from "./authority-news.ts";
import { AuthorityState } from "./authority-news.ts";
import type { AuthorityQuestion, AuthorityWaiting, UnroutedRequest } from "./authority-waiting.ts";
import { HeldRequest } from "./held-request.ts";

/** How {@link AskedAuthorities} wait. */
export interface AskedAuthoritiesOptions {
  /** How long a request waits for word of its authority, in ms. */
  readonly waitMs: number;
  /** Asks the main thread for an authority; the answer comes to {@link AskedAuthorities.apply}. */
  readonly ask: (authority: string) => void;
}

/** Requests and connections that may wait in one worker, and what of that one caller may take. */
const MAX_HELD = 4_096;
const MAX_HELD_OF_CALLER = MAX_HELD / 4;
/** Names that may be asked for at once, and how much a caller may have waiting to ask for one more. */
const MAX_ASKED = 1_024;
const MAX_ASKING_OF_CALLER = MAX_ASKED / 4;
/** How long it is remembered that a service does not exist, and of how many. */
const ABSENT_MS = 5_000;
const MAX_ABSENT = 4_096;
/** A host, perhaps with a port, as an authority of gRPC has it. */
const AUTHORITY = /^[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?(?::[0-9]{1,5})?$|^\[[0-9a-f:.]+\](?::[0-9]{1,5})?$/;
const MAX_AUTHORITY_LENGTH = 260;

/** Who waits for word of one authority. */
interface Asked {
  readonly slots: Set<number>;
  readonly questions: Set<AuthorityQuestion>;
}

/**
 * Requests for authorities that a worker does not know, where a control plane may. They wait, bounded in number, octets and time, per
 * caller too, until the main thread has word. Only such requests come here: what is known costs nothing.
 */
export class AskedAuthorities implements AuthorityWaiting {
  readonly #context: ProxyContext;
  readonly #options: AskedAuthoritiesOptions;
  /** By authority. */
  readonly #asked = new Map<string, Asked>();
  /** By the client's stream. */
  readonly #held = new Map<number, { readonly request: HeldRequest; readonly authority: string }>();
  /** How many of both wait, by address of the caller. */
  readonly #ofCaller = new Map<string, number>();
  /** Since when each waits. */
  readonly #questions = new Map<AuthorityQuestion, number>();
  /** Until when an authority is known not to be a cluster's name: for good where routes are for it. */
  readonly #settled = new Map<string, number>();

  private constructor(context: ProxyContext, options: AskedAuthoritiesOptions) {
    this.#context = context;
    this.#options = options;
  }

  /** From now on requests of this data plane wait instead of being refused. */
  static begin(context: ProxyContext, options: AskedAuthoritiesOptions): AskedAuthorities {
    const asked = new AskedAuthorities(context, options);
    context.askedAuthorities = asked;
    return asked;
  }

  /** @returns why the request is refused; undefined when it waits, its field block put aside. */
  hold(unrouted: UnroutedRequest): ProxyError | undefined {
    const { slot, octets, source } = unrouted;
    const authority = unrouted.authority.toLowerCase();
    const { workerRow } = this.#context;
    if (!this.#mayAsk(authority)) return PROXY_ERRORS.noRoute;
    if (!this.#hasRoom(authority, source)) return PROXY_ERRORS.authorityOverflow;
    const request = new HeldRequest(this.#context, unrouted.sink, source, unrouted.request);
    if (!request.hold(slot, octets)) return PROXY_ERRORS.overBudget;
    workerRow[WorkerColumn.requestsHeld]!++;
    this.#held.set(slot, { request, authority });
    this.#count(source, 1);
    this.#askedFor(authority).slots.add(slot);
    return undefined;
  }

  ask(question: AuthorityQuestion): boolean {
    const authority = question.authority.toLowerCase();
    if (!this.#mayAsk(authority) || !this.#hasRoom(authority, question.source)) return false;
    this.#questions.set(question, this.#context.time.nowMs);
    this.#count(question.source, 1);
    this.#askedFor(authority).questions.add(question);
    return true;
  }

  withdraw(question: AuthorityQuestion): void {
    if (!this.#questions.delete(question)) return;
    this.#count(question.source, -1);
    this.#asked.get(question.authority.toLowerCase())?.questions.delete(question);
  }

  isRouted(authority: string): boolean {
    return this.#settled.get(authority.toLowerCase()) === Number.POSITIVE_INFINITY;
  }

  /** A request waits no more: it has been given up. */
  leave(slot: number): void {
    const held = this.#held.get(slot);
    if (held === undefined) return;
    this.#held.delete(slot);
    this.#count(held.request.source, -1);
    this.#asked.get(held.authority)?.slots.delete(slot);
  }

  /** Takes word of authorities; requests that waited for it go on. */
  apply(news: readonly AuthorityNews[]): void {
    const { authorities, time, tick } = this.#context;
    tick();
    for (const { authority, clusterSlot } of news) {
      this.#settled.delete(authority);
      if (clusterSlot >= 0) authorities.setAlias(authority, clusterSlot);
      else authorities.deleteAlias(authority);
      if (clusterSlot === AuthorityState.routed) this.#settled.set(authority, Number.POSITIVE_INFINITY);
      if (clusterSlot === AuthorityState.absent) this.#setAbsent(authority, time.nowMs + ABSENT_MS);
    }
    for (const { authority, clusterSlot } of news) {
      if (clusterSlot !== AuthorityState.forgotten) this.#goOn(authority);
    }
  }

  /** Gives up requests that have waited for too long; to be called a few times a second. */
  sweep(): void {
    if (this.#asked.size === 0) return;
    const { time, tick } = this.#context;
    tick();
    const sinceMs = time.nowMs - this.#options.waitMs;
    for (const [slot, { request, authority }] of [...this.#held]) {
      if (request.sinceMs > sinceMs) continue;
      this.leave(slot);
      fail(this.#context, slot, PROXY_ERRORS.authorityUnknownYet, `"${authority}"`);
    }
    for (const [question, askedMs] of [...this.#questions]) {
      if (askedMs > sinceMs) continue;
      this.withdraw(question);
      question.onWord();
    }
    // Word may come yet; whoever asks next asks anew.
    for (const [authority, { slots, questions }] of this.#asked)
      if (slots.size + questions.size === 0) this.#asked.delete(authority);
  }

  #goOn(authority: string): void {
    const asked = this.#asked.get(authority);
    if (asked === undefined) return;
    this.#asked.delete(authority);
    for (const slot of asked.slots) {
      const held = this.#held.get(slot);
      if (held === undefined) continue;
      this.#held.delete(slot);
      this.#count(held.request.source, -1);
      held.request.resume(slot);
    }
    for (const question of asked.questions) {
      if (!this.#questions.delete(question)) continue;
      this.#count(question.source, -1);
      question.onWord();
    }
  }

  #mayAsk(authority: string): boolean {
    if (authority.length > MAX_AUTHORITY_LENGTH || !AUTHORITY.test(authority)) return false;
    return (this.#settled.get(authority) ?? 0) <= this.#context.time.nowMs;
  }

  /** @returns who waits for it; it is asked for now, unless it has been. */
  #askedFor(authority: string): Asked {
    let asked = this.#asked.get(authority);
    if (asked === undefined) {
      asked = { slots: new Set(), questions: new Set() };
      this.#asked.set(authority, asked);
      this.#options.ask(authority);
    }
    return asked;
  }

  #hasRoom(authority: string, source: string): boolean {
    if (this.#held.size + this.#questions.size >= MAX_HELD) return false;
    const isAsked = this.#asked.has(authority);
    const mayHave = isAsked ? MAX_HELD_OF_CALLER : MAX_ASKING_OF_CALLER;
    if (source !== "" && (this.#ofCaller.get(source) ?? 0) >= mayHave) return false;
    // A name that nobody waits for any more is forgotten by the next sweep.
    return isAsked || this.#asked.size < MAX_ASKED;
  }

  #count(source: string, change: number): void {
    const count = (this.#ofCaller.get(source) ?? 0) + change;
    if (count > 0) this.#ofCaller.set(source, count);
    else this.#ofCaller.delete(source);
  }

  #setAbsent(authority: string, untilMs: number): void {
    this.#settled.set(authority, untilMs);
    if (this.#settled.size <= MAX_ABSENT) return;
    for (const [name, ms] of this.#settled) {
      if (ms === Number.POSITIVE_INFINITY) continue;
      this.#settled.delete(name);
      return;
    }
  }
}
