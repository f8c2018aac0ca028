import { AttemptOutcome } from "../lb/outlier/attempt-outcome.ts";
import type { ClusterRuntime } from "./cluster-runtime.ts";
import { ExchangeBit } from "./exchange-table.ts";
import type { ProxyContext } from "./proxy-context.ts";

/**
 * Notes the end of an attempt, once for each stream at an endpoint: everything that learns from answers does so here.
 *
 * @param slot the client's stream; its `openedMs` is when the attempt began.
 * @param endpoint the endpoint's slot.
 */
export function attemptEnded(
  context: ProxyContext,
  slot: number,
  endpoint: number,
  outcome: AttemptOutcome,
): void {
  const { endpoints, exchanges, outliers, time } = context;
  const cluster = exchanges.cluster[slot]!;
  const elapsedMs = time.nowMs - exchanges.openedMs[slot]!;
  endpoints.latencies.observe(context.workerIndex, endpoint, elapsedMs);
  const found = outcome === AttemptOutcome.success ? outcome : settle(context, slot, outcome, elapsedMs);
  if (exchanges.bits[slot]! & ExchangeBit.traced) {
    const isOk = found === AttemptOutcome.success || found === AttemptOutcome.neutral;
    context.tracer.attempt(slot, context.subchannels[endpoint]?.options, elapsedMs, isOk);
  }
  const runtime = context.clusters[cluster];
  if (runtime?.observesLatency) measureEnd(context, runtime, slot, endpoint, found, elapsedMs);
  if (found === AttemptOutcome.success) {
    outliers.succeeded(cluster, endpoint, elapsedMs, time.nowMs);
  } else if (found === AttemptOutcome.fault || found === AttemptOutcome.lost) {
    context.endpoints.errors[context.endpointRow + endpoint]!++;
    outliers.failed(cluster, endpoint, found === AttemptOutcome.lost, time.nowMs);
  } else if (found === AttemptOutcome.error) {
    context.endpoints.errors[context.endpointRow + endpoint]!++;
    outliers.erred(cluster, endpoint, time.nowMs);
  }
}

/** What a failure counts as at least, in units of the cluster's usual latency: failing fast must not look like being fast. */
const FAULT_LATENCIES = 10;

/** Notes that the answer of an attempt has begun: what balances by latency learns here, however long the answer lasts. */
export function measureAnswer(
  { endpoints, workerIndex, exchanges, clusters, time }: ProxyContext,
  slot: number,
  endpoint: number,
): void {
  const cluster = clusters[exchanges.cluster[slot]!];
  if (!cluster?.observesLatency) return;
  const began = exchanges.openedMs[slot]!;
  if (cluster.observesLatency) endpoints.measures.waitedFor(workerIndex, endpoint, began);
  endpoints.measures.observeLatency(workerIndex, endpoint, time.nowMs - began, time.nowMs);
}

/** The same for an attempt that ends: if its answer had begun, only a failure is news. */
function measureEnd(
  { endpoints, workerIndex, exchanges, time }: ProxyContext,
  cluster: ClusterRuntime,
  slot: number,
  endpoint: number,
  outcome: AttemptOutcome,
  elapsedMs: number,
): void {
  const { measures } = endpoints;
  const answered = (exchanges.bits[slot]! & ExchangeBit.responseStarted) !== 0;
  if (!answered && cluster.observesLatency) {
    measures.waitedFor(workerIndex, endpoint, exchanges.openedMs[slot]!);
  }
  if (outcome === AttemptOutcome.success) {
    if (!answered) measures.observeLatency(workerIndex, endpoint, elapsedMs, time.nowMs);
  } else if (outcome !== AttemptOutcome.neutral) {
    const penaltyMs = Math.max(elapsedMs, FAULT_LATENCIES * cluster.loads.referenceMs);
    measures.observeFault(workerIndex, endpoint, penaltyMs, time.nowMs);
  }
}

/** How much sooner than the proxy a client may find that its deadline has passed: its clock began earlier. */
const DEADLINE_SLACK_MS = 2;
const DEADLINE_SLACK_SHARE = 0.02;

/** @returns the outcome with `late` decided: a fault, or nothing. */
function settle(
  { exchanges, outliers, time }: ProxyContext,
  slot: number,
  outcome: AttemptOutcome,
  elapsedMs: number,
): AttemptOutcome {
  const due = exchanges.dueMs[slot]!;
  const slack = DEADLINE_SLACK_MS + DEADLINE_SLACK_SHARE * (due - exchanges.startMs[slot]!);
  // Most clients reset a stream at its deadline, and do so a little before the proxy would.
  const late =
    outcome === AttemptOutcome.late ||
    (outcome === AttemptOutcome.neutral && due > 0 && time.nowMs >= due - slack);
  if (!late) return outcome;
  const answering = (exchanges.bits[slot]! & ExchangeBit.responseStarted) !== 0;
  return !answering && outliers.isLate(exchanges.cluster[slot]!, elapsedMs)
    ? AttemptOutcome.fault
    : AttemptOutcome.neutral;
}
