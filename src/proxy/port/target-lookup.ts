/** Names that may be looked up at the same time; more are refused, not queued, so that lookups cost a bounded amount. */
const MAX_LOOKUPS = 64;
const TIMEOUT_MS = 2_000;
const TRIES = 2;

/** Resolves a name to the texts of its addresses; empty when it has none. */
export type LookupTarget = (host: string) => Promise<readonly string[]>;

/**
 * Looks names of tunnel targets up, over DNS itself: no thread of the pool is held up, no search domain appended, and no
 * /etc/hosts has names for loopback. Each name is asked for as it is.
 */
export class TargetLookup {
  readonly #lookup: LookupTarget | undefined;
  #system: Promise<LookupTarget> | undefined;
  #inFlight = 0;

  /** @param lookup default: the system's DNS servers. */
  constructor(lookup?: LookupTarget) {
    this.#lookup = lookup;
  }

  /** Whether as many lookups are under way as may be. */
  get busy(): boolean {
    return this.#inFlight >= MAX_LOOKUPS;
  }

  /** @returns addresses, IPv4 first; empty when there are none or nobody answers. Never rejects. */
  async find(host: string): Promise<readonly string[]> {
    this.#inFlight++;
    try {
      this.#system ??= systemLookup();
      return await (this.#lookup ?? (await this.#system))(host);
    } catch {
      return [];
    } finally {
      this.#inFlight--;
    }
  }
}

/** Loaded at need: most proxies tunnel to their clusters only. */
async function systemLookup(): Promise<LookupTarget> {
  const { Resolver } = await import("node:dns/promises");
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: TRIES });
  return async (host) => {
    const answers = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
    return answers.flatMap((answer) => (answer.status === "fulfilled" ? answer.value : []));
  };
}
