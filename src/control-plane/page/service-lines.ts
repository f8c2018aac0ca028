import type { PageSource } from "./page-source.ts";
import type { ServiceLine, ServiceOrder, ServicesView } from "./page-view.ts";
import { serviceLine } from "./service-line.ts";

/** Which services are asked for, and in what order. */
export interface ServicesQuestion {
  readonly sort: ServiceOrder;
  /** Smallest first; of `name`: last first. */
  readonly reverse: boolean;
  /** Part of the name; "" for all. */
  readonly search: string;
  readonly namespace: string;
  readonly offset: number;
  readonly limit: number;
}

/** Lines are made anew after this: people who look at the same time cost once. */
const FRESH_MS = 1_000;

/** What is sorted by: larger is first; what is not known is last in either direction. */
const KEYS: Record<Exclude<ServiceOrder, "name">, (line: ServiceLine) => number | null> = {
  skew: ({ skew }) => skew?.maxOverMean ?? null,
  requests: ({ requestsPerSecond }) => requestsPerSecond,
  errors: ({ errorShare }) => errorShare,
  in_flight: ({ inFlight }) => inFlight,
  p99: ({ p99Ms }) => p99Ms,
  cross_zone: (line) => line.crossZoneShare,
  endpoints: ({ endpoints }) => endpoints,
};

/** All services in a line each, made at most once a second and only when somebody asks. */
export class ServiceLines {
  readonly #source: PageSource;
  #lines: readonly ServiceLine[] = [];
  #madeMs = Number.NEGATIVE_INFINITY;

  constructor(source: PageSource) {
    this.#source = source;
  }

  all(): readonly ServiceLine[] {
    const nowMs = this.#source.nowMs();
    if (nowMs - this.#madeMs < FRESH_MS) return this.#lines;
    this.#lines = Array.from(this.#source.cache.models(), ({ cluster }) =>
      serviceLine(this.#source, cluster, nowMs),
    );
    this.#madeMs = this.#source.nowMs();
    return this.#lines;
  }

  view(question: ServicesQuestion): ServicesView {
    const all = this.all();
    const search = question.search.toLowerCase();
    const namespace = question.namespace.toLowerCase();
    const found = all.filter(
      ({ name }) => name.includes(search) && (namespace === "" || namespaceOf(name) === namespace),
    );
    const { offset, limit } = question;
    return {
      at: new Date().toISOString(),
      total: all.length,
      matched: found.length,
      offset,
      services: found.sort(comparing(question)).slice(offset, offset + limit),
    };
  }
}

/** @returns the namespace in `name.namespace:port`; "" where there is none. */
function namespaceOf(name: string): string {
  return /^[^.:]+\.([^.:]+)/.exec(name)?.[1] ?? "";
}

function comparing({ sort, reverse }: ServicesQuestion): (a: ServiceLine, b: ServiceLine) => number {
  const sign = reverse ? -1 : 1;
  const byName = (a: ServiceLine, b: ServiceLine): number => (a.name < b.name ? -1 : 1);
  if (sort === "name") return (a, b) => sign * byName(a, b);
  const key = KEYS[sort];
  return (a, b) => {
    const [one, other] = [key(a), key(b)];
    if (one === other) return byName(a, b);
    if (one === null) return 1;
    if (other === null) return -1;
    return sign * (other - one);
  };
}
