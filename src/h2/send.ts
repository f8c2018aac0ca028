import { ResetCause } from "./connection-sink.ts";
import type { ConnectionState } from "./connection-state.ts";
import { ErrorCode } from "./error-code.ts";
import { failOutput } from "./fail-output.ts";
import { DEFAULT_MAX_FRAME_OCTETS, FRAME_HEAD_OCTETS, FrameFlag, FrameType } from "./frame/frame-type.ts";
import { writeFrameHead } from "./frame/octets.ts";
import { releaseFields } from "./hpack/release-fields.ts";
import { joinBlockedRing, leaveBlockedRing } from "./stream/blocked-ring.ts";
import { abortStream, endSide, TRAILERS_HEAD_OCTETS } from "./stream/stream-life.ts";
import { StreamBit } from "./stream/stream-table.ts";
import { writeReset } from "./write-reset.ts";

/**
 * Encodes a field block into HEADERS (and CONTINUATION, above the peer's frame size) and hands it to the output.
 * The block and its references stay the caller's.
 *
 * @param literalOctets what the block's interned fields have in the pool (`outLiteralOctets` of the decoder that made it).
 */
export function writeHeaders(
  connection: ConnectionState,
  slot: number,
  offset: number,
  length: number,
  literalOctets: number,
  endStream: boolean,
): void {
  const { output, encoder, engine } = connection;
  const id = engine.streams.id[slot]!;
  const maxFrame = Math.min(connection.peerMaxFrameOctets, DEFAULT_MAX_FRAME_OCTETS);
  const bound = encoder.encodedBound(length, literalOctets);
  const frames = Math.trunc(bound / maxFrame) + 1;
  const at = output.reserve(bound + frames * FRAME_HEAD_OCTETS);
  if (at === 0) {
    failOutput(connection);
    return;
  }
  const { bytes } = engine.slab;
  const start = at + FRAME_HEAD_OCTETS;
  let end = encoder.encode(offset, length, start);
  const flags = endStream ? FrameFlag.endStream : 0;
  const total = end - start;
  if (total <= maxFrame) {
    writeFrameHead(bytes, at, total, FrameType.headers, flags | FrameFlag.endHeaders, id);
  } else {
    // Rare: open gaps for CONTINUATION heads from the back, so that nothing is overwritten.
    const extra = Math.trunc((total - 1) / maxFrame);
    for (let i = extra; i >= 1; i--) {
      const from = start + i * maxFrame;
      const part = Math.min(maxFrame, start + total - from);
      const to = from + i * FRAME_HEAD_OCTETS;
      bytes.copyWithin(to, from, from + part);
      const last = i === extra ? FrameFlag.endHeaders : 0;
      writeFrameHead(bytes, to - FRAME_HEAD_OCTETS, part, FrameType.continuation, last, id);
    }
    writeFrameHead(bytes, at, maxFrame, FrameType.headers, flags, id);
    end += extra * FRAME_HEAD_OCTETS;
  }
  output.commit(end);
  if (endStream) endSide(connection, slot, StreamBit.localClosed);
}

/** Octets of DATA that may go out now on this stream: both windows, and a transport that keeps up. */
function sendable(connection: ConnectionState, slot: number): number {
  if (connection.output.backlogOctets >= connection.engine.limits.backlogOctets) return 0;
  const window = connection.engine.streams.sendWindow[slot]!;
  return Math.min(window, connection.sendWindow);
}

/**
 * What a DATA frame lets the peer send without being charged: WINDOW_UPDATE for the stream and for the connection, and a
 * PING. A frame that the peer's window has cut below {@link SILLY_OCTETS} earns nothing: a peer that opens its windows octet
 * by octet pays for each time.
 */
const EARNED_FRAMES = 3;
const SILLY_OCTETS = 1024;

/** Writes DATA frames; the caller has checked windows. `endStream` marks the last. */
function writeData(
  connection: ConnectionState,
  slot: number,
  offset: number,
  length: number,
  endStream: boolean,
): boolean {
  const { output, engine } = connection;
  const { bytes } = engine.slab;
  const id = engine.streams.id[slot]!;
  let from = offset;
  let left = length;
  do {
    const part = Math.min(left, DEFAULT_MAX_FRAME_OCTETS);
    const at = output.reserve(FRAME_HEAD_OCTETS + part);
    if (at === 0) {
      failOutput(connection);
      return false;
    }
    left -= part;
    writeFrameHead(bytes, at, part, FrameType.data, endStream && left === 0 ? FrameFlag.endStream : 0, id);
    bytes.copyWithin(at + FRAME_HEAD_OCTETS, from, from + part);
    output.commit(at + FRAME_HEAD_OCTETS + part);
    from += part;
    connection.earnedFrames += EARNED_FRAMES;
  } while (left > 0);
  connection.sendWindow -= length;
  engine.streams.sendWindow[slot]! -= length;
  return true;
}

/**
 * Sends a part of a stream's body, or queues a copy of what windows and transport do not take yet.
 *
 * @returns octets that went into the output now; the rest is told by `onDrained`. -1 when the stream was given up because
 * the octet budget is used up (`onReset` and `onClosed` have been told).
 */
export function sendData(
  connection: ConnectionState,
  slot: number,
  offset: number,
  length: number,
  endStream: boolean,
): number {
  const { engine } = connection;
  const { streams } = engine;
  let sent = 0;
  if (streams.queue.head[slot] === 0) {
    const room = sendable(connection, slot);
    sent = length <= room ? length : Math.max(room, 0);
    const all = sent === length;
    if (sent > 0 || all) {
      if (!writeData(connection, slot, offset, sent, all && endStream)) return sent;
      if (all) {
        if (endStream) endSide(connection, slot, StreamBit.localClosed);
        return sent;
      }
      if (sent < SILLY_OCTETS) connection.earnedFrames -= EARNED_FRAMES;
    }
  }
  const rest = length - sent;
  if (rest > 0) {
    if (engine.slab.usedOctets + rest + DEFAULT_MAX_FRAME_OCTETS > engine.softCapacityOctets) {
      const id = streams.id[slot]!;
      engine.relieve();
      if (streams.id[slot] !== id || streams.connection[slot] !== connection.place) return -1;
    }
    if (!streams.queue.append(slot, offset + sent, rest, engine.softCapacityOctets)) {
      giveUp(connection, slot);
      return -1;
    }
    joinBlockedRing(connection, slot);
  }
  if (endStream) streams.bits[slot]! |= StreamBit.endQueued;
  return sent;
}

/**
 * Sends trailers, after whatever is queued. The block's references pass to the engine; its octets are copied when they
 * have to wait.
 *
 * @returns false when the stream was given up because the octet budget is used up.
 */
export function sendTrailers(
  connection: ConnectionState,
  slot: number,
  offset: number,
  length: number,
  literalOctets: number,
): boolean {
  const { streams, slab, pool } = connection.engine;
  if (streams.queue.head[slot] === 0) {
    writeHeaders(connection, slot, offset, length, literalOctets, true);
    releaseFields(slab, pool, offset, length);
    return true;
  }
  const block = slab.alloc(length + TRAILERS_HEAD_OCTETS);
  if (block === 0) {
    releaseFields(slab, pool, offset, length);
    giveUp(connection, slot);
    return false;
  }
  slab.words[block >> 2] = literalOctets;
  slab.bytes.copyWithin(block + TRAILERS_HEAD_OCTETS, offset, offset + length);
  streams.trailersBlock[slot] = block;
  streams.trailersOctets[slot] = length;
  streams.bits[slot]! |= StreamBit.trailersQueued;
  return true;
}

function giveUp(connection: ConnectionState, slot: number): void {
  writeReset(connection, connection.engine.streams.id[slot]!, ErrorCode.enhanceYourCalm);
  abortStream(connection, slot, ErrorCode.enhanceYourCalm, ResetCause.overBudget);
}

/**
 * Sends what is queued while windows and transport allow, one part of each stream in turn, so that a long queue does not
 * keep the others waiting. Called when a window or the transport has opened.
 */
export function pump(connection: ConnectionState): void {
  // A sink told of drained octets may open windows of this very connection: one pump at a time is enough.
  if (connection.pumping || connection.failed) return;
  connection.pumping = true;
  const { streams, limits } = connection.engine;
  const { output } = connection;
  for (
    let slot = connection.blockedHead;
    slot !== 0 &&
    connection.sendWindow > 0 &&
    output.backlogOctets < limits.backlogOctets &&
    !connection.failed;
    slot = connection.blockedHead
  ) {
    leaveBlockedRing(connection, slot);
    const room = Math.min(streams.sendWindow[slot]!, connection.sendWindow, DEFAULT_MAX_FRAME_OCTETS);
    if (room <= 0) continue; // back in the ring when its own window opens
    sendQueued(connection, slot, room);
  }
  connection.pumping = false;
}

/** Sends up to `room` octets from the head of a stream's queue, and its end when that empties it. */
function sendQueued(connection: ConnectionState, slot: number, room: number): void {
  const { streams, slab, pool } = connection.engine;
  const { queue } = streams;
  const block = queue.head[slot]!;
  const part = Math.min(room, queue.length(block));
  const last = part === queue.octets[slot];
  const ends = last && (streams.bits[slot]! & StreamBit.endQueued) !== 0;
  if (!writeData(connection, slot, queue.start(block), part, ends)) return;
  if (part < SILLY_OCTETS && part < queue.length(block)) connection.earnedFrames -= EARNED_FRAMES;
  queue.shift(slot, part);
  if (!last) joinBlockedRing(connection, slot);
  const id = streams.id[slot]!;
  connection.sink.onDrained(slot, part);
  // Told of the drain, the sink may have ended the stream.
  if (!last || streams.id[slot] !== id || streams.connection[slot] !== connection.place) return;
  if (streams.queue.head[slot] !== 0) return;
  if (ends) {
    endSide(connection, slot, StreamBit.localClosed);
  } else if (streams.bits[slot]! & StreamBit.trailersQueued) {
    const trailers = streams.trailersBlock[slot]!;
    const octets = streams.trailersOctets[slot]!;
    streams.trailersBlock[slot] = 0;
    const fields = trailers + TRAILERS_HEAD_OCTETS;
    writeHeaders(connection, slot, fields, octets, slab.words[trailers >> 2]!, true);
    releaseFields(slab, pool, fields, octets);
    slab.free(trailers);
  }
}
