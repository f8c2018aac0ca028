import type { EnvoyVariant } from "./envoy-variants.ts";
import { ENVOY_NEW, ENVOY_PLAIN, ENVOY_RETRYING } from "./envoy-variants.ts";
import type { IsobarVariant } from "./isobar-config.ts";
import { ISOBAR_NEW, ISOBAR_PLAIN, ISOBAR_RETRYING } from "./isobar-config.ts";

/** What befalls the last endpoint of each contender when the reported part begins. */
export type Fault =
  | { readonly kind: "condition"; readonly mode: string; readonly factor?: number; readonly share?: number }
  /** Its packets vanish, in both directions. */
  | { readonly kind: "cut" }
  /** It joins, and answers `factor` times slower at first, decaying with time, or with the requests that it has served. */
  | {
      readonly kind: "join";
      readonly factor: number;
      readonly decayMs?: number;
      readonly decayRequests?: number;
    };

/** Contenders that are judged against each other. */
export interface Heat {
  readonly title: string;
  readonly envoy: readonly EnvoyVariant[];
  /** The first is judged, others are shown beside it. */
  readonly isobar: readonly IsobarVariant[];
}

/** One row: the same fault for all contenders, at the same time. */
export interface Row {
  readonly name: string;
  readonly title: string;
  readonly fault: Fault;
  readonly heats: readonly Heat[];
  /** Whether the row has limits; default: it has. */
  readonly judged?: false;
  /** Requests per second of each contender. */
  readonly perSecond: number;
  /** Healthy seconds before the fault, and reported seconds after it. */
  readonly warmSeconds: number;
  readonly seconds: number;
}

/** Endpoints of each contender, the last of which is the sick or the new one. */
export const ENDPOINTS = 5;
/** Work of a request: 5 ms, and an exponential 5 ms on average; p99 is 28 ms where all are well. */
export const WORK = { fixedMs: 5, exponentialMs: 5 } as const;
/** What nobody should wait longer for: well above what healthy endpoints need, well below what the sick take. */
export const TARGET_MS = 50;

const WITHOUT: Heat = { title: "without retries", envoy: ENVOY_PLAIN, isobar: ISOBAR_PLAIN };
const WITH: Heat = { title: "with retries", envoy: ENVOY_RETRYING, isobar: ISOBAR_RETRYING };

/** Longer than the first ejection of both, 30 s: how an endpoint that is still sick comes back counts too. */
const SICK_SECONDS = 45;

function sick(name: string, title: string, fault: Fault): Row {
  return {
    name,
    title,
    fault,
    heats: [WITHOUT, WITH],
    perSecond: 100,
    warmSeconds: 5,
    seconds: SICK_SECONDS,
  };
}

function joining(name: string, title: string, fault: Fault): Row {
  const heats: readonly Heat[] = [{ title: "slow start", envoy: ENVOY_NEW, isobar: ISOBAR_NEW }];
  return { name, title, fault, heats, perSecond: 100, warmSeconds: 5, seconds: 60 };
}

/** All rows. */
export const ROWS: readonly Row[] = [
  sick("slow", "one of 5 endpoints becomes 10 × slower", {
    kind: "condition",
    mode: "slow",
    factor: 10,
  }),
  sick("fail-fast", "one fails half of its requests at once, by trailers alone", {
    kind: "condition",
    mode: "fail-fast",
    share: 0.5,
  }),
  sick("fail-late", "one fails half of its requests at once, in trailers after headers and a message", {
    kind: "condition",
    mode: "fail-late",
    share: 0.5,
  }),
  sick("hang", "one accepts requests and never answers", { kind: "condition", mode: "hang" }),
  sick("vanish", "the packets of one vanish", { kind: "cut" }),
  joining("new", "a fifth endpoint joins, 15 × slower at first, warming up over about 30 s", {
    kind: "join",
    factor: 15,
    decayMs: 10_000,
  }),
  {
    ...joining("new-by-work", "a fifth endpoint joins, 15 × slower at first, warming up by 300 requests", {
      kind: "join",
      factor: 15,
      decayRequests: 100,
    }),
    // It warms up by harming: who sends it less harms less, and has it cold for longer.
    judged: false,
  },
];
