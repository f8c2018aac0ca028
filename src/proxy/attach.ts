import type { ConnectionState } from "../h2/connection-state.ts";
import {
  GRPC_TIMEOUT_OCTETS,
  PREVIOUS_ATTEMPTS_OCTETS,
  writeGrpcTimeout,
  writePreviousAttempts,
} from "../h2/hpack/write-field.ts";
import { consume } from "../h2/receive-data.ts";
import { sendData, sendTrailers } from "../h2/send.ts";
import { TRAILERS_HEAD_OCTETS } from "../h2/stream/stream-life.ts";
import { ByteColumn, ClusterColumn } from "../telemetry/cluster-counters.ts";
import type { Subchannel } from "../upstream/subchannel.ts";
import type { UpstreamChannel } from "../upstream/upstream-channel.ts";
import { dropHeldRequest } from "./exchange-end.ts";
import type { ExchangeTable } from "./exchange-table.ts";
import { ExchangeBit, Phase } from "./exchange-table.ts";
import type { ProxyContext } from "./proxy-context.ts";
import type { ProxyError } from "./proxy-error.ts";
import { PROXY_ERRORS } from "./proxy-error.ts";

/** Room kept behind a request's field block for the fields that each attempt gets anew. */
export const HEAD_SPARE_OCTETS: number = GRPC_TIMEOUT_OCTETS + PREVIOUS_ATTEMPTS_OCTETS;
/** What may have passed of a limit of our own that is still told in full. */
const OWN_LIMIT_SLACK_SHARE = 0.001;
/** Body octets of a request that are held so that it can be sent once more. */
export const REPLAY_OCTETS = 65_536;

/**
 * Opens a request's stream at an endpoint and sends what has come of it so far.
 *
 * @returns the error when this endpoint cannot take the request at all; nothing has been sent then.
 */
export function attach(
  context: ProxyContext,
  slot: number,
  subchannel: Subchannel,
  channel: UpstreamChannel,
): ProxyError | undefined {
  const { exchanges } = context;
  const stream = openAttempt(context, slot, subchannel, channel);
  if (typeof stream === "object") return stream;
  exchanges.phase[slot] = Phase.attached;
  // From here the endpoint's count goes with the upstream stream.
  exchanges.bits[slot]! &= ~ExchangeBit.counted;
  exchanges.peer[slot] = stream;
  exchanges.peer[stream] = slot;
  exchanges.openedMs[slot] = exchanges.openedMs[stream]!;
  const upstream = channel.connection.state;
  if (!isBare(exchanges, slot)) {
    sendHeld(context, slot, upstream, stream, (exchanges.bits[slot]! & ExchangeBit.requestEnded) !== 0);
  }
  if (exchanges.bodyReceived[slot]! > REPLAY_OCTETS && exchanges.peer[slot] === stream) {
    dropHeldRequest(context, slot);
  }
  return undefined;
}

/** @returns whether the request is complete with its headers. */
function isBare(exchanges: ExchangeTable, slot: number): boolean {
  const ended = (exchanges.bits[slot]! & ExchangeBit.requestEnded) !== 0;
  return ended && exchanges.bodyReceived[slot] === 0 && exchanges.trailersBlock[slot] === 0;
}

/**
 * Opens an upstream stream with a request's headers, and counts it. Pairing the two streams is the caller's.
 *
 * @returns the stream, or the error when this endpoint cannot take the request at all; nothing has been sent then.
 */
export function openAttempt(
  context: ProxyContext,
  slot: number,
  subchannel: Subchannel,
  channel: UpstreamChannel,
): number | ProxyError {
  const { exchanges, engine, time } = context;
  const { bytes } = engine.slab;
  const { peerMaxHeaderListOctets } = channel.connection.state;
  if (exchanges.headListOctets[slot]! > peerMaxHeaderListOctets) return PROXY_ERRORS.requestTooLarge;
  const head = exchanges.headBlock[slot]!;
  let end = head + exchanges.headOctets[slot]!;
  if (exchanges.dueMs[slot]! > 0) end = writeDeadline(context, slot, end);
  const previous = exchanges.previousAttempts[slot]!;
  if (previous > 0) end = writePreviousAttempts(bytes, end, previous);
  const literalOctets = exchanges.headLiteralOctets[slot]! + GRPC_TIMEOUT_OCTETS;
  const stream = channel.connection.open(head, end - head, literalOctets, isBare(exchanges, slot));
  if (stream === 0) return PROXY_ERRORS.overBudget;
  const endpoint = subchannel.options.slot;
  exchanges.cluster[stream] = exchanges.cluster[slot]!;
  exchanges.endpoint[stream] = endpoint;
  exchanges.openedMs[stream] = time.nowMs;
  exchanges.attempts[slot]!++;
  const cluster = context.clusters[exchanges.cluster[slot]!]!;
  cluster.row[ClusterColumn.attempts]!++;
  if (cluster.observesLatency) context.endpoints.measures.began(context.workerIndex, endpoint, time.nowMs);
  if (channel.aging && subchannel.renew(channel)) cluster.row[ClusterColumn.connectionsReplaced]!++;
  context.endpoints.requests[context.endpointRow + endpoint]!++;
  context.routes?.mirrors.attached(slot, head, end - head);
  return stream;
}

/** Tells an endpoint how much time a request has left. @returns the end offset. */
function writeDeadline({ exchanges, engine, time }: ProxyContext, slot: number, at: number): number {
  const bits = exchanges.bits[slot]!;
  const due = exchanges.dueMs[slot]!;
  const leftMs = Math.max(0, due - time.nowMs);
  if (bits & ExchangeBit.ownDeadline) {
    // The cluster's own limit is no business of endpoints that do not speak gRPC.
    if (!(bits & ExchangeBit.grpc)) return at;
    // Hardly begun, it is told as it is configured: the same field each time. Whatever an endpoint makes of it, it is we who end
    // the request.
    const limitMs = due - exchanges.startMs[slot]!;
    if (leftMs > limitMs * (1 - OWN_LIMIT_SLACK_SHARE)) {
      return engine.pool.timeouts.write(at, Math.max(1, Math.round(limitMs)));
    }
  }
  return writeGrpcTimeout(engine.slab.bytes, at, leftMs);
}

/** Sends the held part of the body, and the end if it came. */
function sendHeld(
  context: ProxyContext,
  slot: number,
  upstream: ConnectionState,
  stream: number,
  ended: boolean,
): void {
  const { exchanges, engine } = context;
  const { replay } = exchanges;
  const trailers = exchanges.trailersBlock[slot]!;
  let left = exchanges.bodyReceived[slot]!;
  for (let block = replay.head[slot]!; block !== 0 && exchanges.peer[slot] === stream; ) {
    const length = replay.length(block);
    const next = replay.next(block);
    left -= length;
    forwardBody(
      context,
      slot,
      upstream,
      stream,
      replay.start(block),
      length,
      ended && left === 0 && trailers === 0,
    );
    block = next;
  }
  if (trailers === 0 || exchanges.peer[slot] !== stream) return;
  exchanges.trailersBlock[slot] = 0;
  // Request trailers pass their references on, so the request cannot be sent once more.
  exchanges.bits[slot]! &= ~ExchangeBit.movable;
  const fields = trailers + TRAILERS_HEAD_OCTETS;
  sendTrailers(upstream, stream, fields, exchanges.trailersOctets[slot]!, engine.slab.words[trailers >> 2]!);
  engine.slab.free(trailers);
}

/** Sends a part of a request's body on its upstream stream, and gives the client credit for what went out. */
export function forwardBody(
  context: ProxyContext,
  slot: number,
  upstream: ConnectionState,
  stream: number,
  offset: number,
  length: number,
  ends: boolean,
): void {
  const cluster = context.clusters[context.exchanges.cluster[slot]!]!;
  const subchannel = context.subchannels[context.exchanges.endpoint[slot]!]!;
  const column = subchannel.options.sameZone ? ByteColumn.requestSameZone : ByteColumn.requestCrossZone;
  cluster.row[ClusterColumn.bytes + column]! += length;
  const sent = sendData(upstream, stream, offset, length, ends);
  if (sent > 0) bodySent(context, slot, sent, sent === length);
}

/** Notes that `octets` of a request's body have gone out, and returns their credit unless an earlier attempt did. */
export function bodySent(context: ProxyContext, slot: number, octets: number, flowing: boolean): void {
  const { exchanges, engine } = context;
  const sent = exchanges.bodySent[slot]! + octets;
  exchanges.bodySent[slot] = sent;
  const credit = sent - exchanges.bodyCredited[slot]!;
  if (credit <= 0) return;
  exchanges.bodyCredited[slot] = sent;
  const downstream = engine.connections[engine.streams.connection[slot]!]!;
  consume(downstream, slot, credit, flowing);
}
