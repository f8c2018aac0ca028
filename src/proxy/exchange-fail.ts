import { ErrorCode } from "../h2/error-code.ts";
import { resetStream } from "../h2/reset-stream.ts";
import { StreamBit } from "../h2/stream/stream-table.ts";
import { AttemptOutcome } from "../lb/outlier/attempt-outcome.ts";
import { attemptEnded } from "./attempt-end.ts";
import { dropUpstream } from "./drop-upstream.ts";
import { countEnd, dropHeldRequest } from "./exchange-end.ts";
import { ExchangeBit, Phase } from "./exchange-table.ts";
import { explanationOf, NO_ENDPOINT } from "./explain/append-explanation.ts";
import { sendLocalReply } from "./local-reply.ts";
import type { ProxyContext } from "./proxy-context.ts";
import type { ProxyError } from "./proxy-error.ts";

/** Size of an answer of our own at most, without what is added to it. */
const REPLY_LIST_OCTETS = 1_024;
/** What a route may add to it. */
const MOST_ADDED_OCTETS = 4_096;

/**
 * Answers a request with an error of our own. It stands in no waiting list and has no upstream stream any more.
 *
 * @param subject what the error's message is about: the service, and what is known of the cause.
 */
export function fail(context: ProxyContext, slot: number, error: ProxyError, subject: string): void {
  const { exchanges, engine } = context;
  exchanges.grpcStatus[slot] = error.grpcStatus;
  exchanges.flag[slot] = error.flag;
  exchanges.phase[slot] = Phase.answered;
  const bits = exchanges.bits[slot]!;
  dropHeldRequest(context, slot);
  countEnd(context, slot);
  const downstream = engine.connections[engine.streams.connection[slot]!]!;
  const truncating = (bits & ExchangeBit.lengthAnnounced) !== 0 || (bits & ExchangeBit.grpc) === 0;
  if (bits & ExchangeBit.responseStarted && truncating) {
    // Trailers would end a body that is shorter than announced (RFC 9113 §8.1.1), or, to a client that knows no
    // grpc-status, make half an answer look whole.
    resetStream(downstream, slot, ErrorCode.internalError);
    return;
  }
  const { routes } = context;
  // Envoy changes these answers likewise. A client that takes no more is told the error at least.
  const wanted = bits & ExchangeBit.responseStarted ? 0 : (routes?.responseGrowth(slot) ?? 0);
  const room = Math.min(MOST_ADDED_OCTETS, downstream.peerMaxHeaderListOctets - REPLY_LIST_OCTETS);
  const added = wanted <= room ? wanted : 0;
  sendLocalReply(downstream, slot, context.replyScratch, {
    grpcStatus: error.grpcStatus,
    message: `isobar: ${error.message} ${subject}`,
    grpc: (bits & ExchangeBit.grpc) !== 0,
    started: (bits & ExchangeBit.responseStarted) !== 0,
    // Clients that were refused together must not come back together.
    pushbackMs: Math.round((error.pushbackMs ?? 0) * (1 + context.random.nextFloat())),
    explanation: context.explain.tells
      ? explanationOf(context, slot, downstream, NO_ENDPOINT, REPLY_LIST_OCTETS + added)
      : "",
    change: added === 0 ? undefined : (offset, octets) => routes!.changeResponse(slot, octets, offset),
  });
}

/**
 * Gives up a request's upstream streams, of which there are several while it is hedged.
 *
 * @param outcome what that says about the endpoint.
 */
export function abandonUpstream(
  context: ProxyContext,
  slot: number,
  errorCode: ErrorCode,
  outcome: AttemptOutcome = AttemptOutcome.neutral,
): void {
  const { exchanges } = context;
  if (exchanges.bits[slot]! & ExchangeBit.hedgeWaiting) leaveHedgeWait(context, slot);
  // As one goes, the next takes its place.
  for (let stream = exchanges.peer[slot]!; stream !== 0; stream = exchanges.peer[slot]!) {
    abandonAttempt(context, slot, stream, errorCode, outcome);
  }
}

/** Takes a hedge out of the list where it waits for a connection. */
export function leaveHedgeWait({ exchanges, subchannels }: ProxyContext, slot: number): void {
  exchanges.bits[slot]! &= ~ExchangeBit.hedgeWaiting;
  subchannels[exchanges.endpoint[slot]!]?.of(exchanges.callerClass[slot]!).waiting.remove(slot);
}

const CLOSED = StreamBit.localClosed | StreamBit.remoteClosed;

/**
 * Gives up one upstream stream of a request: by RST_STREAM as long as the connection's allowance lasts, else by reading it out,
 * because endpoints close connections that reset too much and others share this one.
 */
export function abandonAttempt(
  context: ProxyContext,
  slot: number,
  stream: number,
  errorCode: ErrorCode,
  outcome: AttemptOutcome,
): void {
  const { exchanges, engine } = context;
  if (exchanges.phase[slot] !== Phase.answered) {
    exchanges.openedMs[slot] = exchanges.openedMs[stream]!;
    attemptEnded(context, slot, exchanges.endpoint[stream]!, outcome);
  }
  exchanges.part(slot, stream);
  // The answer that ends it is just being read: it closes by itself.
  if ((engine.streams.bits[stream]! & CLOSED) === CLOSED) return;
  dropUpstream(context, stream, errorCode);
}
