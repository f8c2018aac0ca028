import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import type { DnsConfig } from "../config/config.ts";
import type { AddressLookup, LookupAnswer } from "./address-lookup.ts";
import { AnswerMemory } from "./answer-memory.ts";

/** What a {@link DnsDiscovery} gets from its surroundings. */
export interface DnsDiscoveryOptions {
  readonly lookup: AddressLookup;
  readonly clock: Clock;
  /** Spreads the lookups of many proxies over time. */
  readonly random: Random;
  /** Called after the first lookup, and afterwards whenever the set of addresses is another one. */
  readonly onAddresses: (addresses: readonly string[]) => void;
  /** Called when lookups start to fail or be held back, and with an empty reason when they are good again. */
  readonly onTrouble: (reason: string) => void;
}

/** A TTL below this would have a fleet ask without pause; CoreDNS's own cache is no fresher either. */
const SHORTEST_WAIT_MS = 1_000;
/** First pause after a failure; doubles up to the refresh time. */
const FIRST_RETRY_MS = 500;
const JITTER = 0.1;

/** Keeps the addresses of one name up to date until {@link stop}. */
export class DnsDiscovery {
  readonly #options: DnsDiscoveryOptions;
  readonly #memories = { ipv4: new AnswerMemory(), ipv6: new AnswerMemory() };
  #config: DnsConfig;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #failures = 0;
  #known: string | undefined;
  #trouble = "";

  constructor(config: DnsConfig, options: DnsDiscoveryOptions) {
    this.#config = config;
    this.#options = options;
  }

  /** Looks up once and keeps doing so. Settles after the first lookup, whatever its outcome; never rejects. */
  async start(): Promise<void> {
    await this.#refresh();
  }

  /** Takes new times over, from the next lookup on. The host name must be the same. */
  configure(config: DnsConfig): void {
    this.#config = config;
  }

  /** Ends the lookups; an answer still under way is ignored. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async #refresh(): Promise<void> {
    const { lookup, clock } = this.#options;
    const [ipv4, ipv6] = await Promise.all([
      lookup(this.#config.hostname, "ipv4"),
      lookup(this.#config.hostname, "ipv6"),
    ]);
    if (this.#stopped) return;
    const nowMs = clock.nowMs();
    // The families are believed apart: a name server that only fails for AAAA must cost no IPv4 endpoint.
    const believed4 = this.#memories.ipv4.learn(ipv4, this.#config, nowMs);
    const believed6 = this.#memories.ipv6.learn(ipv6, this.#config, nowMs);
    this.#tell([...believed4.addresses, ...believed6.addresses]);
    this.#report(believed4.reason || believed6.reason);
    this.#timer = setTimeout(() => void this.#refresh(), this.#nextWaitMs(ipv4, ipv6));
    // Looking up alone must not keep the process alive.
    this.#timer.unref();
  }

  #tell(addresses: readonly string[]): void {
    const known = addresses.join(" ");
    if (known === this.#known) return;
    this.#known = known;
    this.#options.onAddresses(addresses);
  }

  #report(reason: string): void {
    if (reason === this.#trouble) return;
    this.#trouble = reason;
    this.#options.onTrouble(reason);
  }

  #nextWaitMs(...answers: readonly LookupAnswer[]): number {
    const { refreshMs } = this.#config;
    const failed = answers.every((answer) => answer.kind === "failed");
    this.#failures = failed ? this.#failures + 1 : 0;
    let waitMs = refreshMs;
    if (failed) waitMs = Math.min(refreshMs, FIRST_RETRY_MS * 2 ** Math.min(this.#failures - 1, 16));
    for (const answer of answers) {
      if (answer.kind === "addresses") {
        waitMs = Math.min(waitMs, Math.max(answer.ttlMs, SHORTEST_WAIT_MS));
      }
    }
    return waitMs * (1 - JITTER + 2 * JITTER * this.#options.random.nextFloat());
  }
}
