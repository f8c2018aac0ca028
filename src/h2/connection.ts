import { chargeFlood } from "./charge-flood.ts";
import type { ConnectionSink } from "./connection-sink.ts";
import { ResetCause } from "./connection-sink.ts";
import type { Engine, Role } from "./connection-state.ts";
import { ConnectionState, Role as Roles } from "./connection-state.ts";
import { failConnection, writeGoaway, writePing } from "./control-frames.ts";
import { ErrorCode } from "./error-code.ts";
import type { FloodBudget } from "./flood-budget.ts";
import { FloodKind } from "./flood-kind.ts";
import { DEFAULT_MAX_FRAME_OCTETS, FRAME_HEAD_OCTETS, FrameFlag, FrameType } from "./frame/frame-type.ts";
import { readUint31 } from "./frame/octets.ts";
import type { Output } from "./output.ts";
import {
  receiveGoaway,
  receivePing,
  receivePriority,
  receivePushPromise,
  receiveReset,
  receiveWindowUpdate,
} from "./receive-control.ts";
import { beginData, passData } from "./receive-data.ts";
import { receiveContinuation, receiveHeaders } from "./receive-headers.ts";
import { pump, writeHeaders } from "./send.ts";
import { isPrefaceOctet, PREFACE_OCTETS, receiveSettings, writePreface } from "./settings.ts";
import { abortStream, openStream } from "./stream/stream-life.ts";

/** The most octets {@link Connection.receive} may leave unread when it was not stopped by its budget. */
export const MAX_CARRY_OCTETS = FRAME_HEAD_OCTETS + DEFAULT_MAX_FRAME_OCTETS;
/** One unit of work for so many octets; each frame costs one unit besides. */
const OCTETS_PER_UNIT = 4096;
const MAX_STREAM_ID = 2 ** 31 - 1;

/**
 * One HTTP/2 connection, server or client, on byte ranges: no socket, clock or chance in it. The owner feeds what arrived
 * to {@link receive}, is told by a sink, sends by the methods below, and flushes the {@link Output} once per loop turn.
 *
 * Source: RFC 9113. PRIORITY is checked and ignored, push is disabled.
 */
export class Connection {
  readonly state: ConnectionState;
  /** After {@link receive}: whether the budget, not the end of the input, stopped it. */
  stoppedByBudget = false;
  /** After {@link receive}: units of work that it did. */
  units = 0;

  /** @param callerBudget what all connections of the same caller may do together; default: they are not counted together. */
  constructor(engine: Engine, role: Role, sink: ConnectionSink, output: Output, callerBudget?: FloodBudget) {
    this.state = new ConnectionState(engine, role, sink, output, callerBudget);
    writePreface(this.state);
  }

  /**
   * Takes octets in the order they arrived, at `offset` of the slab.
   *
   * @param budget units of work to do at most: one for each frame and for each 4 KiB.
   * @returns octets used up. The rest is to be given again, followed by what arrives later: either an incomplete frame (at
   * most {@link MAX_CARRY_OCTETS}), or, when the budget ran out, whole frames too.
   */
  receive(offset: number, length: number, budget: number): number {
    const { state } = this;
    const end = offset + length;
    let at = offset;
    let left = budget;
    state.lastReceivedMs = state.engine.time.nowMs;
    if (state.prefaceSeen < PREFACE_OCTETS && state.role === Roles.server) {
      at = this.#receivePreface(at, end);
    }
    while (left > 0 && !state.failed && !state.closed) {
      if (state.dataRemaining > 0 || state.dataPadding > 0) {
        if (at === end) break;
        const used = this.#receiveBody(at, end);
        left -= 1 + Math.trunc(used / OCTETS_PER_UNIT);
        at += used;
        continue;
      }
      const used = this.#receiveFrame(at, end);
      if (used === 0) break;
      at += used;
      left -= 1 + Math.trunc(used / OCTETS_PER_UNIT);
    }
    this.units = budget - left;
    this.stoppedByBudget = left <= 0 && at < end;
    if (state.pumpDue) {
      // Not at each WINDOW_UPDATE: many small ones would cut the stream into as many frames.
      state.pumpDue = false;
      pump(state);
    }
    if (state.sectionId === 0) {
      if (at === end || this.stoppedByBudget) state.incompleteSinceMs = 0;
      // A frame that has been incomplete before is still the same one if none was finished.
      else if (at > offset || state.incompleteSinceMs === 0) state.incompleteSinceMs = state.lastReceivedMs;
    }
    return state.failed || state.closed ? length : at - offset;
  }

  #receivePreface(offset: number, end: number): number {
    const { state } = this;
    const { bytes } = state.engine.slab;
    let at = offset;
    while (state.prefaceSeen < PREFACE_OCTETS && at < end) {
      if (!isPrefaceOctet(state.prefaceSeen, bytes[at]!)) {
        failConnection(state, ErrorCode.protocolError, "not an HTTP/2 preface");
        return end;
      }
      state.prefaceSeen++;
      at++;
    }
    return at;
  }

  /** Passes on what has arrived of the current DATA frame's payload, then skips its padding. */
  #receiveBody(at: number, end: number): number {
    const { state } = this;
    let used = 0;
    if (state.dataRemaining > 0) {
      used = Math.min(end - at, state.dataRemaining);
      passData(state, at, used);
      if (state.dataRemaining > 0) return used;
    }
    const skipped = Math.min(end - at - used, state.dataPadding);
    state.dataPadding -= skipped;
    return used + skipped;
  }

  /** @returns octets of one frame (of DATA: its head), or 0 when it has not arrived whole. */
  #receiveFrame(at: number, end: number): number {
    const { state } = this;
    const { bytes } = state.engine.slab;
    if (end - at < FRAME_HEAD_OCTETS) return 0;
    const length = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
    const type = bytes[at + 3]!;
    const flags = bytes[at + 4]!;
    const id = readUint31(bytes, at + 5);
    if (length > DEFAULT_MAX_FRAME_OCTETS) {
      failConnection(state, ErrorCode.frameSizeError, "frame above MAX_FRAME_SIZE");
      return 0;
    }
    if (!state.settingsSeen) {
      if (type !== FrameType.settings || flags & FrameFlag.ack) {
        failConnection(state, ErrorCode.protocolError, "first frame is not SETTINGS");
        return 0;
      }
      if (end - at >= FRAME_HEAD_OCTETS + length) state.settingsSeen = true;
    }
    if (state.sectionId !== 0 && (type !== FrameType.continuation || id !== state.sectionId)) {
      failConnection(state, ErrorCode.protocolError, "header section interrupted");
      return 0;
    }
    const payload = at + FRAME_HEAD_OCTETS;
    if (type === FrameType.data) return this.#receiveDataHead(payload, end, length, flags, id);
    if (end - payload < length) return 0;
    this.#dispatch(type, flags, id, payload, length);
    return FRAME_HEAD_OCTETS + length;
  }

  #receiveDataHead(payload: number, end: number, length: number, flags: number, id: number): number {
    const { state } = this;
    if (id === 0) {
      failConnection(state, ErrorCode.protocolError, "DATA on stream 0");
      return 0;
    }
    let padOctets = 0;
    if (flags & FrameFlag.padded) {
      if (length === 0) {
        failConnection(state, ErrorCode.frameSizeError, "DATA without pad length");
        return 0;
      }
      if (end === payload) return 0;
      padOctets = state.engine.slab.bytes[payload]! + 1;
      if (padOctets > length) {
        failConnection(state, ErrorCode.protocolError, "DATA padding too long");
        return 0;
      }
    }
    beginData(state, id, flags, length, padOctets);
    if (state.dataRemaining === 0 && !state.failed) {
      if (state.dataEndStream || chargeFlood(state, FloodKind.emptyFrame, 1)) passData(state, payload, 0);
    }
    return FRAME_HEAD_OCTETS + (padOctets > 0 ? 1 : 0);
  }

  #dispatch(type: number, flags: number, id: number, payload: number, length: number): void {
    const { state } = this;
    switch (type) {
      case FrameType.headers:
        return receiveHeaders(state, id, flags, payload, length);
      case FrameType.windowUpdate:
        return receiveWindowUpdate(state, id, payload, length);
      case FrameType.rstStream:
        return receiveReset(state, id, payload, length);
      case FrameType.settings:
        return receiveSettings(state, id, flags, payload, length);
      case FrameType.ping:
        if (id !== 0) return failConnection(state, ErrorCode.protocolError, "PING on a stream");
        return receivePing(state, flags, payload, length);
      case FrameType.goaway:
        if (id !== 0) return failConnection(state, ErrorCode.protocolError, "GOAWAY on a stream");
        return receiveGoaway(state, payload, length);
      case FrameType.continuation:
        if (state.sectionId === 0) {
          return failConnection(state, ErrorCode.protocolError, "CONTINUATION without HEADERS");
        }
        return receiveContinuation(state, flags, payload, length);
      case FrameType.priority:
        return receivePriority(state, id, payload, length);
      case FrameType.pushPromise:
        return receivePushPromise(state);
      default:
        // Unknown frame types are ignored (RFC 9113 §5.5).
        chargeFlood(state, FloodKind.emptyFrame, 1);
    }
  }

  /** Streams more that may be opened now: the peer's limit, ids left, and nothing once either side says goodbye. */
  get capacity(): number {
    const { state } = this;
    if (state.failed || state.closed || state.goawayReceived || state.goawaySent) return 0;
    if (state.nextLocalId > MAX_STREAM_ID - 2) return 0;
    return Math.max(0, state.peerMaxConcurrentStreams - state.activeStreams);
  }

  /**
   * Opens a stream (client) and sends its header section. The block stays the caller's.
   *
   * @returns its slot, or 0 when there is no capacity or no slot.
   */
  open(offset: number, length: number, literalOctets: number, endStream: boolean): number {
    const { state } = this;
    if (this.capacity === 0) return 0;
    const slot = openStream(state, state.nextLocalId);
    if (slot === 0) return 0;
    if (state.unsentWrites !== state.output.writes) {
      state.unsentWrites = state.output.writes;
      state.unsentFromId = state.nextLocalId;
    }
    state.nextLocalId += 2;
    writeHeaders(state, slot, offset, length, literalOctets, endStream);
    return slot;
  }

  /** Whether a stream's HEADERS may have been handed to the transport; streams the peer opened count as sent. */
  #wasSent(slot: number): boolean {
    const { state } = this;
    if (state.role === Roles.server || state.unsentWrites !== state.output.writes) return true;
    return state.engine.streams.id[slot]! < state.unsentFromId;
  }

  /** Sends PING with a token of 31 bits, answered by `onPong`. */
  ping(token: number): void {
    this.state.pingsOut++;
    writePing(this.state, false, 0, token);
  }

  /** First phase of a drain (RFC 9113 §6.8): asks the peer to open no more streams; those it opens meanwhile are served. */
  announceGoaway(): void {
    writeGoaway(this.state, MAX_STREAM_ID, ErrorCode.noError, "draining");
  }

  /** Second phase: streams above those seen so far are not taken. */
  finalGoaway(): void {
    this.state.lastAcceptedId = this.state.highestPeerId;
    writeGoaway(this.state, this.state.highestPeerId, ErrorCode.noError, "draining");
  }

  /** To be called when the transport can take octets again. */
  writable(): void {
    if (this.state.blockedHead !== 0) pump(this.state);
  }

  /** Ends every stream and gives back what the connection holds. The transport is gone or about to be. */
  close(): void {
    const { state } = this;
    if (state.closed) return;
    state.closed = true;
    while (state.firstStream !== 0) {
      const cause = this.#wasSent(state.firstStream) ? ResetCause.connectionLost : ResetCause.notSent;
      abortStream(state, state.firstStream, ErrorCode.cancel, cause);
    }
    if (state.sectionBlock !== 0) state.engine.slab.free(state.sectionBlock);
    state.sectionBlock = 0;
    state.decoder.free();
    state.encoder.free();
    state.output.destroy();
    state.engine.connections[state.place] = undefined;
  }
}
