import { chargeFlood } from "./charge-flood.ts";
import { ResetCause } from "./connection-sink.ts";
import type { ConnectionState } from "./connection-state.ts";
import { Role } from "./connection-state.ts";
import { failConnection, writePing } from "./control-frames.ts";
import { ErrorCode } from "./error-code.ts";
import { failStream } from "./fail-stream.ts";
import { FloodKind } from "./flood-kind.ts";
import { FrameFlag, MAX_WINDOW_OCTETS } from "./frame/frame-type.ts";
import { readUint31, readUint32 } from "./frame/octets.ts";
import { wasOpened } from "./receive-data.ts";
import { resetCost } from "./reset-cost.ts";
import { joinBlockedRing } from "./stream/blocked-ring.ts";
import { abortStream } from "./stream/stream-life.ts";

/** Takes RST_STREAM (RFC 9113 §6.4). */
export function receiveReset(connection: ConnectionState, id: number, offset: number, length: number): void {
  if (length !== 4) return failConnection(connection, ErrorCode.frameSizeError, "RST_STREAM size");
  if (id === 0 || !wasOpened(connection, id)) {
    return failConnection(connection, ErrorCode.protocolError, "RST_STREAM on an idle stream");
  }
  const slot = connection.index.get(id);
  if (slot === 0) {
    chargeFlood(connection, FloodKind.emptyFrame, 1);
    return;
  }
  abortStream(connection, slot, readUint32(connection.engine.slab.bytes, offset), ResetCause.peer);
  // A server can reset no more streams than we have opened.
  if (connection.role === Role.client) return;
  connection.owesResets = true;
  chargeFlood(connection, FloodKind.reset, resetCost(connection, id));
}

/** Takes WINDOW_UPDATE (RFC 9113 §6.9). */
export function receiveWindowUpdate(
  connection: ConnectionState,
  id: number,
  offset: number,
  length: number,
): void {
  if (length !== 4) return failConnection(connection, ErrorCode.frameSizeError, "WINDOW_UPDATE size");
  const { streams, slab } = connection.engine;
  const octets = readUint31(slab.bytes, offset);
  if (!payForAnswer(connection, FloodKind.windowUpdate)) return;
  if (id === 0) {
    if (octets === 0) return failConnection(connection, ErrorCode.protocolError, "WINDOW_UPDATE of 0");
    if (connection.sendWindow + octets > MAX_WINDOW_OCTETS) {
      return failConnection(connection, ErrorCode.flowControlError, "connection window overflow");
    }
    connection.sendWindow += octets;
    connection.pumpDue = connection.blockedHead !== 0;
    return;
  }
  const slot = connection.index.get(id);
  if (slot === 0) {
    if (!wasOpened(connection, id)) {
      failConnection(connection, ErrorCode.protocolError, "WINDOW_UPDATE on an idle stream");
    }
    return;
  }
  if (octets === 0) return failStream(connection, slot, ErrorCode.protocolError);
  if (streams.sendWindow[slot]! + octets > MAX_WINDOW_OCTETS) {
    return failStream(connection, slot, ErrorCode.flowControlError);
  }
  streams.sendWindow[slot]! += octets;
  wake(connection, slot);
  connection.pumpDue = connection.blockedHead !== 0;
}

/** What our DATA earns at most for later: a peer that has taken much may not make a flood of it. */
const MAX_EARNED_FRAMES = 4096;

/**
 * Whether a frame that stacks send when DATA has reached them is let pass: window updates, and PINGs that measure the round
 * trip. What our DATA gave reason for is free (see `writeData`), the rest is charged.
 */
function payForAnswer(connection: ConnectionState, kind: FloodKind): boolean {
  if (connection.earnedFrames <= 0) return chargeFlood(connection, kind, 1);
  connection.earnedFrames = Math.min(connection.earnedFrames, MAX_EARNED_FRAMES) - 1;
  return true;
}

/** A stream whose window has opened stands in line again if it has something queued. */
function wake(connection: ConnectionState, slot: number): void {
  const { streams } = connection.engine;
  if (streams.queue.head[slot] !== 0 && streams.sendWindow[slot]! > 0) joinBlockedRing(connection, slot);
}

/** Takes PING (RFC 9113 §6.7): answers it, or reports the answer to ours. */
export function receivePing(
  connection: ConnectionState,
  flags: number,
  offset: number,
  length: number,
): void {
  if (length !== 8) return failConnection(connection, ErrorCode.frameSizeError, "PING size");
  const { bytes } = connection.engine.slab;
  const high = readUint32(bytes, offset);
  const low = readUint32(bytes, offset + 4);
  if (!(flags & FrameFlag.ack)) {
    if (payForAnswer(connection, FloodKind.ping)) writePing(connection, true, high, low);
  } else if (connection.pingsOut > 0) {
    connection.pingsOut--;
    connection.sink.onPong(low);
  } else {
    chargeFlood(connection, FloodKind.emptyFrame, 1);
  }
}

/** Takes GOAWAY (RFC 9113 §6.8): ends the streams it leaves unprocessed; no more may be opened. */
export function receiveGoaway(connection: ConnectionState, offset: number, length: number): void {
  if (length < 8) return failConnection(connection, ErrorCode.frameSizeError, "GOAWAY size");
  const { streams, slab } = connection.engine;
  const lastStreamId = readUint31(slab.bytes, offset);
  const errorCode = readUint32(slab.bytes, offset + 4);
  if (connection.goawayReceived && !chargeFlood(connection, FloodKind.emptyFrame, 1)) return;
  connection.goawayReceived = true;
  const parity = connection.nextLocalId & 1;
  // The sink may end any stream from within onReset: after each one the list is read from its start.
  for (let slot = connection.firstStream; slot !== 0; ) {
    const id = streams.id[slot]!;
    if (id > lastStreamId && (id & 1) === parity) {
      abortStream(connection, slot, ErrorCode.refusedStream, ResetCause.unprocessed);
      slot = connection.firstStream;
    } else {
      slot = streams.next[slot]!;
    }
  }
  connection.sink.onGoaway(lastStreamId, errorCode);
}

/** Takes PRIORITY, which is only checked: RFC 9113 §5.3.2 deprecates it. */
export function receivePriority(
  connection: ConnectionState,
  id: number,
  offset: number,
  length: number,
): void {
  if (id === 0) return failConnection(connection, ErrorCode.protocolError, "PRIORITY on stream 0");
  const slot = connection.index.get(id);
  if (length !== 5) {
    if (slot !== 0) return failStream(connection, slot, ErrorCode.frameSizeError);
    return failConnection(connection, ErrorCode.frameSizeError, "PRIORITY size");
  }
  if (readUint31(connection.engine.slab.bytes, offset) === id) {
    if (slot !== 0) return failStream(connection, slot, ErrorCode.protocolError);
    return failConnection(connection, ErrorCode.protocolError, "stream depends on itself");
  }
  chargeFlood(connection, FloodKind.emptyFrame, 1);
}

/** PUSH_PROMISE is never welcome: a client may not send it, and as a client we have disabled it (RFC 9113 §8.4). */
export function receivePushPromise(connection: ConnectionState): void {
  const who = connection.role === Role.server ? "a client" : "a server we asked not to";
  failConnection(connection, ErrorCode.protocolError, `PUSH_PROMISE from ${who}`);
}
