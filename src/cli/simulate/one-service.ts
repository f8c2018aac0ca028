import { scenarioSchema } from "../../config/scenario-schema.ts";
import { ExitCode, ExitError } from "../../daemon/exit-code.ts";
import type { RecordedTrace, Traffic } from "../../sim/scenario.ts";
import type { LoadedScenario } from "./loaded-scenario.ts";
import { contestantOf } from "./loaded-scenario.ts";
import { MOST_TIMES } from "./size-service.ts";

/** What is known of the traffic of one service. */
export interface ServiceTraffic {
  /** Where it is from. */
  readonly source: string;
  readonly service: Traffic["service"];
  readonly trace: RecordedTrace | null;
  readonly requestsPerSecond: number;
  /** Mean work of a request. */
  readonly meanMs: number;
  /** What no number of endpoints makes shorter. */
  readonly workP99Ms: number;
  /** How much of it is simulated. */
  readonly durationMs: number;
  /** Who sent it, and who serves now; null where that is not known. */
  readonly callers: number | null;
  readonly endpoints: number | null;
}

/** What else there is, as far as it was said. */
export interface ServiceWish {
  readonly peak: number;
  readonly seed?: number;
  readonly seeds?: number;
  readonly servers?: number;
  readonly endpoints?: number;
  readonly nodes?: number;
  readonly connections?: number;
}

/** What the sizes are for, said or taken. */
export interface ServiceFacts {
  readonly source: string;
  readonly requestsPerSecond: number;
  readonly meanMs: number;
  readonly workP99Ms: number;
  /** Requests served at all times, on average, without the peak: fewer servers than this never suffice. */
  readonly requestsServed: number;
  /** Where the search begins; what there is now, where that is known. */
  readonly endpoints: number;
  /** Requests that each of them serves at the same time. */
  readonly servers: number;
  readonly nodes: number;
  /** Of all clients to the service: what balancing per connection pins. */
  readonly connections: number;
  readonly seeds: number;
}

/** Where nothing is known. */
const NODES = 10;
const CONNECTIONS_PER_NODE = 10;
const SEEDS = 5;
/** What endpoints are taken to be used when it is not known how many there are. */
const USUAL_LOAD = 0.7;
/** As of scenario files: proxies × endpoints, of the most that are tried. */
const MOST_VIEWS = 16_000_000;
const MOST_ENDPOINTS = 1_024;
const WINDOWS = 12;
const WARMUP_WINDOWS = 2;
const LONGEST_WINDOW_MS = 5_000;

/** Who is compared: what there is without Isobar, its policies, and what nobody can be better than. */
const POLICIES = [
  { name: "per connection", kind: "per_connection" },
  { name: "random", loadBalancer: { policy: "random" } },
  { name: "round_robin", loadBalancer: { policy: "round_robin" } },
  { name: "least_request", loadBalancer: { policy: "least_request" } },
  {
    name: "least_request, subset of 5",
    loadBalancer: {
      policy: "least_request",
      choiceCount: 3,
      subset: { enabled: true, minEndpoints: 5 },
    },
    fleet: true,
  },
  { name: "oracle", kind: "oracle" },
];

/** Makes a scenario of one service, with everybody in one zone. */
export function oneService(
  traffic: ServiceTraffic,
  wish: ServiceWish,
): { readonly loaded: LoadedScenario; readonly facts: ServiceFacts } {
  const { source, requestsPerSecond, meanMs, workP99Ms, service, trace } = traffic;
  const requestsServed = (requestsPerSecond / 1_000) * meanMs;
  const servers = wish.servers ?? 1;
  const usual = Math.max(1, Math.ceil((requestsServed * wish.peak) / servers / USUAL_LOAD));
  const endpoints = wish.endpoints ?? traffic.endpoints ?? usual;
  if (endpoints > MOST_ENDPOINTS)
    throw new ExitError(
      ExitCode.usage,
      `${source}: found work for ${endpoints} endpoints that serve ${servers} at a time, wanted at most ${MOST_ENDPOINTS}: say with --servers how many an endpoint serves, or size a part of the traffic`,
    );
  const mostNodes = Math.max(1, Math.floor(MOST_VIEWS / (endpoints * MOST_TIMES)));
  // A connection is on one node: with fewer of them than nodes the others have nothing to do.
  const connected = Math.min(wish.nodes ?? traffic.callers ?? NODES, wish.connections ?? Infinity);
  const nodes = Math.min(connected, mostNodes);
  const wanted = wish.connections ?? traffic.callers ?? nodes * CONNECTIONS_PER_NODE;
  const perNode = Math.max(1, Math.round(wanted / nodes));
  const load = requestsServed / (endpoints * servers);
  // The peak plays the same requests faster.
  const durationMs = trace === null ? traffic.durationMs : traffic.durationMs / wish.peak;
  const windowMs = Math.max(1, Math.min(LONGEST_WINDOW_MS, Math.floor(durationMs / WINDOWS)));
  const file = scenarioSchema.parse({
    endpoints: [{ count: endpoints, servers }],
    callers: [{ count: nodes, clients: perNode }],
    traffic: { load: [1] },
    policies: POLICIES,
  });
  const scenario = {
    ...file,
    durationMs,
    windowMs,
    warmupMs: WARMUP_WINDOWS * windowMs,
    traffic: { load, service, bursts: null, trace },
    events: [],
  };
  const seeds = wish.seeds ?? SEEDS;
  return {
    loaded: {
      file: source,
      about: `One service, by ${source}.`,
      seed: wish.seed ?? 1,
      seeds,
      cases: [{ load, scenario }],
      contestants: file.policies.map(contestantOf),
      expectations: [],
      pods: undefined,
    },
    facts: {
      source,
      requestsPerSecond,
      meanMs,
      workP99Ms,
      requestsServed,
      endpoints,
      servers,
      nodes,
      connections: perNode * nodes,
      seeds,
    },
  };
}

/** @param source its file. @returns the traffic of a trace. */
export function recordedTraffic(trace: RecordedTrace, source: string): ServiceTraffic {
  const { arrivalMs, serviceMs, caller } = trace;
  const durationMs = arrivalMs.at(-1)!;
  const meanMs = serviceMs.reduce((sum, each) => sum + each, 0) / serviceMs.length;
  return {
    source,
    service: { kind: "fixed", meanMs },
    trace,
    requestsPerSecond: ((arrivalMs.length - 1) / durationMs) * 1_000,
    meanMs,
    workP99Ms: serviceMs.toSorted()[Math.ceil(serviceMs.length * 0.99) - 1]!,
    durationMs,
    callers: caller === null ? null : caller.reduce((most, each) => Math.max(most, each), 0) + 1,
    endpoints: null,
  };
}

/** What was taken, as lines for a terminal. */
export function factsText(facts: ServiceFacts): string {
  const {
    source,
    requestsPerSecond,
    meanMs,
    workP99Ms,
    requestsServed,
    endpoints,
    servers,
    nodes,
    connections,
    seeds,
  } = facts;
  const inEach = requestsServed / endpoints;
  const full =
    inEach > servers
      ? `\n${endpoints} endpoints would have ${inEach.toFixed(1)} requests each to serve at all times, more than ${servers}: is --servers what an endpoint serves at a time?`
      : "";
  return `${source}: ${digits(requestsPerSecond)} requests/s of ${digits(meanMs)} ms on average, p99 ${digits(workP99Ms)} ms, without any wait: ${digits(requestsServed)} served at all times
taken: endpoints serve ${servers} at a time (--servers), ${endpoints} to begin with (--endpoints); ${connections} connections (--connections) from ${nodes} nodes (--nodes); ${seeds} seeds${full}
`;
}

function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}
