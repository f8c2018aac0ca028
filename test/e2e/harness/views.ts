import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { Caller } from "./caller.ts";
import type { Pod } from "./pod.ts";

/** Beyond what proxies hold back at most, and gRPC waits before it asks again. */
const LIMIT_MS = 45_000;
const LOOK_MS = 50;
/** Each client makes some 30 calls meanwhile. */
const WATCH_MS = 700;

/** A proxy that can be asked what it knows. */
export interface Holder {
  readonly name: string;
  /** @returns `ip:port` of a service's endpoints, sorted. */
  endpoints(service: string): Promise<string[]>;
}

/** What every client believes of one service: proxies are asked, and of all it is seen where their calls go. */
export class Views {
  readonly #service: string;
  readonly #holders: readonly Holder[];
  readonly #callers: readonly Caller[];
  readonly #pods = new Set<Pod>();

  constructor(service: string, holders: readonly Holder[], callers: readonly Caller[]) {
    this.#service = service;
    this.#holders = holders;
    this.#callers = callers;
  }

  /** Calls that come to this Pod are looked at from now on. */
  add(...pods: readonly Pod[]): void {
    for (const pod of pods) this.#pods.add(pod);
  }

  /** Waits until every client sends to exactly these Pods. */
  async agreeOn(pods: readonly Pod[]): Promise<void> {
    const addresses = pods.map(({ address }) => address).sort();
    const names = pods.map(({ name }) => name).sort();
    const endMs = performance.now() + LIMIT_MS;
    for (;;) {
      const held = await this.#held();
      const differ = Object.entries(held).filter(([, each]) => each.join() !== addresses.join());
      const reached = differ.length > 0 ? {} : await this.#reached();
      const astray = Object.entries(reached).filter(([, each]) => each.join() !== names.join());
      if (differ.length === 0 && astray.length === 0) return;
      assert.ok(
        performance.now() < endMs,
        `wanted ${names.join()} (${addresses.join()}), known ${JSON.stringify(held)}, called ${JSON.stringify(reached)}`,
      );
      await sleep(LOOK_MS);
    }
  }

  /** Sees that nothing changes for a while: proxies know these, and calls go to these alone. */
  async stayAt(pods: readonly Pod[], forMs: number): Promise<void> {
    const addresses = pods.map(({ address }) => address).sort();
    const names = new Set(pods.map(({ name }) => name));
    for (const pod of this.#pods) pod.newCallers();
    const endMs = performance.now() + forMs;
    while (performance.now() < endMs) {
      for (const [name, each] of Object.entries(await this.#held()))
        assert.deepEqual(each, addresses, `as ${name} has it`);
      await sleep(LOOK_MS);
    }
    for (const pod of this.#pods) {
      const callers = [...pod.newCallers()];
      if (!names.has(pod.name)) assert.deepEqual(callers, [], `calls to ${pod.name}`);
    }
  }

  async #held(): Promise<Record<string, string[]>> {
    const all = await Promise.all(
      this.#holders.map(async (holder) => [holder.name, await holder.endpoints(this.#service)] as const),
    );
    return Object.fromEntries(all);
  }

  async #reached(): Promise<Record<string, string[]>> {
    for (const pod of this.#pods) pod.newCallers();
    await sleep(WATCH_MS);
    const reached: Record<string, string[]> = Object.fromEntries(this.#callers.map(({ name }) => [name, []]));
    for (const pod of this.#pods) for (const caller of pod.newCallers()) reached[caller]?.push(pod.name);
    for (const names of Object.values(reached)) names.sort();
    return reached;
  }
}
