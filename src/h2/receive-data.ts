import { chargeFlood } from "./charge-flood.ts";
import type { ConnectionState } from "./connection-state.ts";
import { Role } from "./connection-state.ts";
import { failConnection, writeWindowUpdate } from "./control-frames.ts";
import { ErrorCode } from "./error-code.ts";
import { failStream } from "./fail-stream.ts";
import { FloodKind } from "./flood-kind.ts";
import { DEFAULT_WINDOW_OCTETS, FrameFlag } from "./frame/frame-type.ts";
import { endSide } from "./stream/stream-life.ts";
import { StreamBit } from "./stream/stream-table.ts";
import { writeReset } from "./write-reset.ts";

/** @returns whether `id` is one the peer or we have used: every other id is idle (RFC 9113 §5.1.1). */
export function wasOpened(connection: ConnectionState, id: number): boolean {
  const ours = (id & 1) === (connection.nextLocalId & 1);
  return ours ? id < connection.nextLocalId : id <= connection.highestPeerId;
}

/** @returns whether we reset `id` lately, so that what arrives for it now is no fault of the peer. */
export function wasResetByUs(connection: ConnectionState, id: number): boolean {
  return connection.resetIds?.includes(id) ?? false;
}

/**
 * Answers a frame on a stream that is over. A client stays silent: what a server had sent before it knew of a cancel is no
 * fault of the server, however many cancels there were, and servers count the resets they get.
 */
function refuseLate(connection: ConnectionState, id: number): void {
  if (connection.role === Role.client || id > connection.lastAcceptedId) return;
  if (wasResetByUs(connection, id)) return;
  writeReset(connection, id, ErrorCode.streamClosed);
  chargeFlood(connection, FloodKind.provokedReset, 1);
}

/**
 * Starts a DATA frame whose head (and pad length, if padded) has arrived: windows are charged, and `dataRemaining` octets
 * of payload are to be passed on by {@link passData} as they come.
 *
 * @param payloadOctets the frame's length field; all of it counts for flow control (RFC 9113 §6.9.1).
 * @param padOctets the pad length octet's value plus 1 for itself, or 0 when not padded.
 */
export function beginData(
  connection: ConnectionState,
  id: number,
  flags: number,
  payloadOctets: number,
  padOctets: number,
): void {
  connection.recvWindow -= payloadOctets;
  if (connection.recvWindow < 0) {
    failConnection(connection, ErrorCode.flowControlError, "DATA beyond the connection window");
    return;
  }
  returnConnectionCredit(connection, payloadOctets);
  connection.dataRemaining = padOctets > 0 ? payloadOctets - padOctets : payloadOctets;
  connection.dataPadding = padOctets > 0 ? padOctets - 1 : 0;
  connection.dataEndStream = (flags & FrameFlag.endStream) !== 0;
  connection.dataSlot = 0;

  const slot = connection.index.get(id);
  const { streams } = connection.engine;
  if (slot === 0) {
    if (!wasOpened(connection, id)) {
      failConnection(connection, ErrorCode.protocolError, "DATA on an idle stream");
    } else {
      refuseLate(connection, id);
    }
    return;
  }
  const bits = streams.bits[slot]!;
  if (bits & StreamBit.remoteClosed) {
    failStream(connection, slot, ErrorCode.streamClosed);
    return;
  }
  if (!(bits & StreamBit.headersReceived)) {
    failStream(connection, slot, ErrorCode.protocolError);
    return;
  }
  streams.recvWindow[slot]! -= payloadOctets;
  if (streams.recvWindow[slot]! < 0) {
    failStream(connection, slot, ErrorCode.flowControlError);
    return;
  }
  const expected = streams.contentRemaining[slot]!;
  if (expected !== -1) {
    if (expected < -1) {
      const left = bodyAllowance(expected) - connection.dataRemaining;
      if (left < 0) return refuseBody(connection, slot);
      streams.contentRemaining[slot] = bodyAllowance(left);
    } else if (!takeContent(connection, slot, expected)) return;
  }
  connection.dataSlot = slot;
  if (padOctets > 0) consume(connection, slot, padOctets, false);
}

/** Holds a DATA frame against the content-length that was announced. @returns false when the stream was failed for it. */
function takeContent(connection: ConnectionState, slot: number, expected: number): boolean {
  const rest = expected - connection.dataRemaining;
  if (rest < 0 || (connection.dataEndStream && rest !== 0)) {
    failStream(connection, slot, ErrorCode.protocolError);
    return false;
  }
  connection.engine.streams.contentRemaining[slot] = rest;
  return true;
}

/**
 * Octets a body of unknown length may still have, as they stand in `contentRemaining`, and back: -2 is none. So a limit
 * costs nothing where none is set.
 */
export function bodyAllowance(octets: number): number {
  return -2 - octets;
}

/** A request's body is above the limit: the sink answers, and the rest is dropped. */
export function refuseBody(connection: ConnectionState, slot: number): void {
  const { streams } = connection.engine;
  streams.bits[slot]! |= StreamBit.discard;
  streams.contentRemaining[slot] = -1;
  connection.sink.onBodyTooLarge(slot);
}

/** Passes on `length` octets of the current DATA frame's payload; the frame is whole when none remain. */
export function passData(connection: ConnectionState, offset: number, length: number): void {
  connection.dataRemaining -= length;
  const slot = connection.dataSlot;
  if (slot === 0) return;
  const ends = connection.dataEndStream && connection.dataRemaining === 0;
  if (connection.dataRemaining === 0) connection.dataSlot = 0;
  if (length === 0 && !ends) return;
  const { streams } = connection.engine;
  const id = streams.id[slot]!;
  // Noted before the sink is told, so that an answer it gives at once closes the stream without a reset.
  if (ends) streams.bits[slot]! |= StreamBit.remoteClosed;
  if (streams.bits[slot]! & StreamBit.discard) consume(connection, slot, length, false);
  else connection.sink.onData(slot, offset, length, ends);
  if (ends && streams.id[slot] === id && streams.connection[slot] === connection.place) {
    endSide(connection, slot, StreamBit.remoteClosed);
  }
}

/** The connection's window comes back on receipt: what streams may hold is bounded by their own windows. */
function returnConnectionCredit(connection: ConnectionState, octets: number): void {
  connection.recvPending += octets;
  const { connectionWindowOctets } = connection.engine.limits;
  if (connection.recvPending * 2 < connectionWindowOctets) return;
  connection.recvWindow += connection.recvPending;
  writeWindowUpdate(connection, 0, connection.recvPending);
  connection.recvPending = 0;
}

/**
 * Gives `octets` of a stream's window back, now that whoever they were for has taken them. The window doubles while its
 * reader keeps up and the budget for grown windows lasts.
 *
 * @param flowing whether nothing of this stream waits anywhere, so that a larger window would be used.
 */
export function consume(connection: ConnectionState, slot: number, octets: number, flowing: boolean): void {
  const { engine } = connection;
  const { streams, limits } = engine;
  const pending = streams.recvPending[slot]! + octets;
  streams.recvPending[slot] = pending;
  const target = streams.recvTarget[slot]!;
  if (pending * 2 < target || streams.bits[slot]! & StreamBit.remoteClosed) return;
  let grant = pending;
  if (engine.frugal) {
    // Credit that is kept back once makes the window smaller for good.
    const excess = Math.min(pending, target - DEFAULT_WINDOW_OCTETS);
    engine.grownOctets -= excess;
    streams.recvTarget[slot] = target - excess;
    grant -= excess;
  } else if (
    flowing &&
    target * 2 <= limits.maxStreamWindowOctets &&
    engine.grownOctets + target <= limits.grownWindowsOctets &&
    engine.slab.usedOctets * 2 < engine.slab.capacityOctets
  ) {
    engine.grownOctets += target;
    streams.recvTarget[slot] = target * 2;
    grant += target;
  }
  streams.recvPending[slot] = 0;
  if (grant === 0) return;
  streams.recvWindow[slot]! += grant;
  writeWindowUpdate(connection, streams.id[slot]!, grant);
}
