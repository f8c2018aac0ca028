import { setTimeout as sleep } from "node:timers/promises";
import { EchoCaller } from "../../xds/client/echo-backends.ts";

/** Time between two calls of one caller. */
const PAUSE_MS = 8;

/** One call that has ended. */
export interface EndedCall {
  readonly atMs: number;
  /** Who answered; "" where nobody did. */
  readonly name: string;
  readonly code: number;
  readonly details: string;
}

/** Calls through a proxy without a break, from several callers; every one of them is kept in mind. */
export class SteadyLoad {
  readonly calls: EndedCall[] = [];
  readonly #callers: readonly EchoCaller[];
  readonly #running: readonly Promise<void>[];
  #stopped = false;

  constructor(proxyAddress: string, authority: string, callers = 3) {
    this.#callers = Array.from({ length: callers }, () => new EchoCaller(proxyAddress, authority));
    this.#running = this.#callers.map((caller) => this.#run(caller));
  }

  /** Calls that were not answered. */
  get failed(): readonly EndedCall[] {
    return this.calls.filter(({ code }) => code !== 0);
  }

  /** @returns who answered the calls that have ended since. */
  namesSince(atMs: number): ReadonlySet<string> {
    return new Set(this.calls.filter((call) => call.atMs >= atMs).map(({ name }) => name));
  }

  /** @returns when the first call since then was answered by one of whom this holds, in ms from then; undefined: none was yet. */
  firstSince(atMs: number, holds: (name: string) => boolean): number | undefined {
    const found = this.calls.find((call) => call.atMs >= atMs && holds(call.name));
    return found === undefined ? undefined : found.atMs - atMs;
  }

  /** @returns when the last call since then was answered by one of whom this holds, in ms from then; 0: none was. */
  lastSince(atMs: number, holds: (name: string) => boolean): number {
    const found = this.calls.findLast((call) => call.atMs >= atMs && holds(call.name));
    return found === undefined ? 0 : found.atMs - atMs;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#running);
    for (const caller of this.#callers) caller.close();
  }

  async #run(caller: EchoCaller): Promise<void> {
    while (!this.#stopped) {
      const called = await caller.call();
      this.calls.push({ atMs: performance.now(), ...called });
      await sleep(PAUSE_MS);
    }
  }
}
