import type { ResetCause } from "../connection-sink.ts";
import type { ConnectionState } from "../connection-state.ts";
import { Role } from "../connection-state.ts";
import { ErrorCode } from "../error-code.ts";
import { FloodKind } from "../flood-kind.ts";
import { DEFAULT_WINDOW_OCTETS } from "../frame/frame-type.ts";
import { releaseFields } from "../hpack/release-fields.ts";
import { writeReset } from "../write-reset.ts";
import { leaveBlockedRing } from "./blocked-ring.ts";
import { StreamBit } from "./stream-table.ts";

/** Octets before the field block in a `trailersBlock`: one word, the block's literal size. */
export const TRAILERS_HEAD_OCTETS = 4;

const CLOSED = StreamBit.localClosed | StreamBit.remoteClosed;

/**
 * Gives a new stream of `connection` its slot.
 *
 * @returns 0 when all slots of the worker are in use.
 */
export function openStream(connection: ConnectionState, id: number): number {
  const { streams } = connection.engine;
  const slot = streams.take();
  if (slot === 0) return 0;
  streams.connection[slot] = connection.place;
  streams.id[slot] = id;
  streams.sendWindow[slot] = connection.peerInitialWindowOctets;
  streams.recvWindow[slot] = DEFAULT_WINDOW_OCTETS;
  streams.recvTarget[slot] = DEFAULT_WINDOW_OCTETS;
  const head = connection.firstStream;
  streams.next[slot] = head;
  streams.previous[slot] = 0;
  if (head !== 0) streams.previous[head] = slot;
  connection.firstStream = slot;
  connection.index.set(id, slot);
  connection.activeStreams++;
  return slot;
}

/** Frees everything a stream holds, tells `onClosed` and recycles the slot. */
export function closeStream(connection: ConnectionState, slot: number): void {
  const { engine } = connection;
  const { streams } = engine;
  connection.sink.onClosed(slot);
  leaveBlockedRing(connection, slot);
  dropQueue(connection, slot);
  engine.grownOctets -= streams.recvTarget[slot]! - DEFAULT_WINDOW_OCTETS;
  const next = streams.next[slot]!;
  const previous = streams.previous[slot]!;
  if (previous !== 0) streams.next[previous] = next;
  else connection.firstStream = next;
  if (next !== 0) streams.previous[next] = previous;
  if (connection.dataSlot === slot) connection.dataSlot = 0;
  connection.index.delete(streams.id[slot]!);
  connection.activeStreams--;
  streams.release(slot);
}

/** Drops what is queued on a stream, trailers included. */
export function dropQueue(connection: ConnectionState, slot: number): void {
  const { slab, pool, streams } = connection.engine;
  if (streams.queue.head[slot] !== 0) streams.queue.clear(slot);
  const block = streams.trailersBlock[slot]!;
  if (block !== 0) {
    releaseFields(slab, pool, block + TRAILERS_HEAD_OCTETS, streams.trailersOctets[slot]!);
    slab.free(block);
    streams.trailersBlock[slot] = 0;
  }
}

/**
 * Notes that one side has ended; closes the stream when both have. A server whose answer is complete before the request
 * is tells the client to stop sending, without an error (RFC 9113 §8.1).
 */
export function endSide(connection: ConnectionState, slot: number, side: number): void {
  const { bits, id } = connection.engine.streams;
  const now = bits[slot]! | side;
  bits[slot] = now;
  if ((now & CLOSED) === CLOSED) {
    if (connection.owesResets) giveBackReset(connection);
    closeStream(connection, slot);
  } else if (side === StreamBit.localClosed && connection.role === Role.server) {
    writeReset(connection, id[slot]!, ErrorCode.noError);
    closeStream(connection, slot);
  }
}

/** A stream has ended well: that makes up for one that was reset. */
function giveBackReset(connection: ConnectionState): void {
  const { nowMs } = connection.engine.time;
  connection.callerBudget?.giveBack(FloodKind.reset, nowMs);
  connection.owesResets = connection.floodBudget!.giveBack(FloodKind.reset, nowMs);
}

/** Ends a stream that went wrong: tells why, then closes it. RST_STREAM, where due, is the caller's. */
export function abortStream(
  connection: ConnectionState,
  slot: number,
  errorCode: number,
  cause: ResetCause,
): void {
  const { streams } = connection.engine;
  const id = streams.id[slot]!;
  connection.sink.onReset(slot, errorCode, cause);
  // The sink may have reset the stream itself from within the call.
  if (streams.id[slot] === id && streams.connection[slot] === connection.place) closeStream(connection, slot);
}
