import { chargeFlood } from "./charge-flood.ts";
import type { ConnectionState } from "./connection-state.ts";
import { Role } from "./connection-state.ts";
import { failConnection } from "./control-frames.ts";
import { ErrorCode } from "./error-code.ts";
import { failStream } from "./fail-stream.ts";
import { FloodKind } from "./flood-kind.ts";
import { FrameFlag } from "./frame/frame-type.ts";
import { readUint31 } from "./frame/octets.ts";
import { BlockKind } from "./hpack/block-kind.ts";
import { DecodeResult } from "./hpack/decode-result.ts";
import { releaseFields } from "./hpack/release-fields.ts";
import { bodyAllowance, refuseBody, wasOpened, wasResetByUs } from "./receive-data.ts";
import { endSide, openStream } from "./stream/stream-life.ts";
import { StreamBit } from "./stream/stream-table.ts";
import { writeReset } from "./write-reset.ts";

/** Octets of one header section collected over CONTINUATION frames at most; more ends the connection. */
const MAX_SECTION_OCTETS = 262_144;
/** Frames of one section at most: empty CONTINUATIONs are an attack (CVE-2024-27316 and its family). */
const MAX_SECTION_FRAMES = 64;
/** Who has more to say fills its frames, so a fragment below this that is not the last one is charged. */
const SHORT_FRAGMENT_OCTETS = 1024;
/** A stream too many costs its client this, in units of provoked resets: it may not have seen our SETTINGS yet. */
const REFUSED_UNITS = 1 / 8;

/** Takes a HEADERS frame whose payload is whole, at `offset`. */
export function receiveHeaders(
  connection: ConnectionState,
  id: number,
  flags: number,
  offset: number,
  length: number,
): void {
  const { bytes } = connection.engine.slab;
  let start = offset;
  let end = offset + length;
  if (flags & FrameFlag.padded) {
    if (length < 1) return failConnection(connection, ErrorCode.frameSizeError, "HEADERS without pad length");
    end -= bytes[start]!;
    start += 1;
  }
  if (flags & FrameFlag.priority) {
    if (end - start >= 5 && readUint31(bytes, start) === id) {
      return failConnection(connection, ErrorCode.protocolError, "stream depends on itself");
    }
    start += 5;
  }
  if (start > end) return failConnection(connection, ErrorCode.protocolError, "HEADERS padding too long");
  if (id === 0 || (connection.role === Role.server && (id & 1) === 0)) {
    return failConnection(connection, ErrorCode.protocolError, "HEADERS on a stream a client may not open");
  }
  if (flags & FrameFlag.endHeaders) {
    receiveSection(connection, id, flags, start, end - start);
    return;
  }
  connection.incompleteSinceMs = connection.lastReceivedMs;
  connection.sectionId = id;
  connection.sectionFlags = flags;
  connection.sectionFrames = 0;
  connection.sectionOctets = 0;
  collect(connection, start, end - start, false);
}

/** Takes a CONTINUATION frame; the receive loop has checked that it belongs to the open section. */
export function receiveContinuation(
  connection: ConnectionState,
  flags: number,
  offset: number,
  length: number,
): void {
  const last = (flags & FrameFlag.endHeaders) !== 0;
  if (!collect(connection, offset, length, last) || !last) return;
  const id = connection.sectionId;
  const block = connection.sectionBlock;
  connection.sectionId = 0;
  connection.sectionBlock = 0;
  receiveSection(connection, id, connection.sectionFlags, block, connection.sectionOctets);
  if (block !== 0) connection.engine.slab.free(block);
}

function collect(connection: ConnectionState, offset: number, length: number, last: boolean): boolean {
  const { slab } = connection.engine;
  if (!last && length < SHORT_FRAGMENT_OCTETS && !chargeFlood(connection, FloodKind.continuation, 1)) {
    return false;
  }
  const total = connection.sectionOctets + length;
  if (total > MAX_SECTION_OCTETS || ++connection.sectionFrames > MAX_SECTION_FRAMES) {
    const { continuation } = FloodKind;
    failConnection(connection, ErrorCode.enhanceYourCalm, "header section too long", continuation);
    return false;
  }
  if (total === 0) return true;
  const old = connection.sectionBlock;
  if (old === 0 || total > slab.sizeOf(old)) {
    const block = slab.alloc(total);
    if (block === 0) {
      failConnection(connection, ErrorCode.enhanceYourCalm, "no memory for a header section");
      return false;
    }
    if (old !== 0) {
      slab.bytes.copyWithin(block, old, old + connection.sectionOctets);
      slab.free(old);
    }
    connection.sectionBlock = block;
  }
  const at = connection.sectionBlock + connection.sectionOctets;
  slab.bytes.copyWithin(at, offset, offset + length);
  connection.sectionOctets = total;
  return true;
}

/** A whole header section: finds or opens its stream, decodes, and tells the sink. Every section is decoded, wanted or not,
 * because the next ones depend on its dynamic table. */
function receiveSection(
  connection: ConnectionState,
  id: number,
  flags: number,
  offset: number,
  length: number,
): void {
  const { streams } = connection.engine;
  const endStream = (flags & FrameFlag.endStream) !== 0;
  let slot = connection.index.get(id);
  if (slot === 0) {
    if (connection.role === Role.client) {
      if (!wasOpened(connection, id)) {
        return failConnection(connection, ErrorCode.protocolError, "HEADERS on an idle stream");
      }
      return ignoreSection(connection, offset, length);
    }
    if (id <= connection.highestPeerId) {
      if (wasResetByUs(connection, id)) return ignoreSection(connection, offset, length);
      return failConnection(connection, ErrorCode.streamClosed, "HEADERS on a closed stream");
    }
    connection.highestPeerId = id;
    slot = acceptStream(connection, id);
    if (slot === 0) {
      if (decode(connection, offset, length, BlockKind.request) === DecodeResult.ok) dropFields(connection);
      if (connection.failed || id > connection.lastAcceptedId) return;
      writeReset(connection, id, ErrorCode.refusedStream);
      if (isFull(connection)) chargeFlood(connection, FloodKind.provokedReset, REFUSED_UNITS);
      return;
    }
    receiveFirst(connection, slot, offset, length, endStream);
    return;
  }
  const bits = streams.bits[slot]!;
  if (bits & StreamBit.remoteClosed) {
    if (decode(connection, offset, length, BlockKind.trailers) === DecodeResult.ok) dropFields(connection);
    if (!connection.failed) failStream(connection, slot, ErrorCode.streamClosed);
    return;
  }
  if (bits & StreamBit.headersReceived) receiveTrailers(connection, slot, offset, length, endStream);
  else receiveFirst(connection, slot, offset, length, endStream);
}

/** @returns the slot of a stream the peer opens, or 0 when it is refused. */
function acceptStream(connection: ConnectionState, id: number): number {
  if (id > connection.lastAcceptedId) return 0;
  return isFull(connection) ? 0 : openStream(connection, id);
}

/** @returns whether the peer has as many streams open as we have allowed. */
function isFull(connection: ConnectionState): boolean {
  return connection.activeStreams >= connection.engine.limits.maxConcurrentStreams;
}

/** A request (server) or a response, final or informational (client). */
function receiveFirst(
  connection: ConnectionState,
  slot: number,
  offset: number,
  length: number,
  endStream: boolean,
): void {
  const { decoder, engine } = connection;
  const { streams } = engine;
  const kind = connection.role === Role.server ? BlockKind.request : BlockKind.response;
  const result = decode(connection, offset, length, kind);
  if (connection.failed) return;
  if (result !== DecodeResult.ok) {
    refuseFirst(connection, slot, result, kind, endStream);
    return;
  }
  if (decoder.status < 200 && kind === BlockKind.response) {
    receiveInformational(connection, slot, endStream);
    return;
  }
  const expected = decoder.contentLength;
  if (endStream && expected > 0 && kind === BlockKind.request) {
    dropFields(connection);
    failStream(connection, slot, ErrorCode.protocolError);
    return;
  }
  streams.bits[slot]! |= StreamBit.headersReceived;
  streams.contentRemaining[slot] = expected;
  const limit = engine.limits.maxRequestBodyOctets;
  if (limit > 0 && !endStream && kind === BlockKind.request) {
    tellLimitedRequest(connection, slot, expected, limit);
  } else {
    tellHeaders(connection, slot, kind, endStream);
  }
}

/** A first section that does not pass: a request that is only too large can still be answered. */
function refuseFirst(
  connection: ConnectionState,
  slot: number,
  result: DecodeResult,
  kind: BlockKind,
  endStream: boolean,
): void {
  if (result !== DecodeResult.listTooLarge) return failStream(connection, slot, ErrorCode.protocolError);
  if (kind === BlockKind.response) return failStream(connection, slot, ErrorCode.cancel);
  if (!chargeFlood(connection, FloodKind.continuation, 1)) return;
  const { streams } = connection.engine;
  streams.bits[slot]! |= StreamBit.headersReceived | StreamBit.discard;
  const id = streams.id[slot]!;
  if (endStream) streams.bits[slot]! |= StreamBit.remoteClosed;
  connection.sink.onHeadersTooLarge(slot, endStream);
  if (endStream && streams.id[slot] === id && streams.connection[slot] === connection.place) {
    endSide(connection, slot, StreamBit.remoteClosed);
  }
}

/** One informational response is usual (100 Continue, or 103); of more there could be no end, and no window holds them. */
function receiveInformational(connection: ConnectionState, slot: number, endStream: boolean): void {
  const { streams } = connection.engine;
  if (endStream) {
    dropFields(connection);
    failStream(connection, slot, ErrorCode.protocolError);
    return;
  }
  const units = 1 + connection.decoder.outOctets / SHORT_FRAGMENT_OCTETS;
  if (streams.bits[slot]! & StreamBit.informed && !chargeFlood(connection, FloodKind.continuation, units)) {
    dropFields(connection);
    return;
  }
  streams.bits[slot]! |= StreamBit.informed;
  tellHeaders(connection, slot, BlockKind.response, false);
}

/** A request whose body will be held against the limit, or is above it by its own announcement. */
function tellLimitedRequest(
  connection: ConnectionState,
  slot: number,
  expected: number,
  limit: number,
): void {
  const { streams } = connection.engine;
  const id = streams.id[slot]!;
  if (expected < 0) streams.contentRemaining[slot] = bodyAllowance(limit);
  tellHeaders(connection, slot, BlockKind.request, false);
  const open = streams.id[slot] === id && streams.connection[slot] === connection.place;
  if (open && expected > limit) refuseBody(connection, slot);
}

function receiveTrailers(
  connection: ConnectionState,
  slot: number,
  offset: number,
  length: number,
  endStream: boolean,
): void {
  const result = decode(connection, offset, length, BlockKind.trailers);
  if (connection.failed) return;
  const short = connection.engine.streams.contentRemaining[slot]! > 0;
  if (result !== DecodeResult.ok || !endStream || short) {
    if (result === DecodeResult.ok) dropFields(connection);
    failStream(connection, slot, ErrorCode.protocolError);
    return;
  }
  tellHeaders(connection, slot, BlockKind.trailers, true);
}

function tellHeaders(connection: ConnectionState, slot: number, kind: BlockKind, endStream: boolean): void {
  const { streams } = connection.engine;
  const id = streams.id[slot]!;
  // Noted before the sink is told, so that an answer it gives at once closes the stream without a reset.
  if (endStream) streams.bits[slot]! |= StreamBit.remoteClosed;
  if (streams.bits[slot]! & StreamBit.discard) dropFields(connection);
  else connection.sink.onHeaders(slot, kind, connection.decoder.outOctets, endStream);
  if (endStream && streams.id[slot] === id && streams.connection[slot] === connection.place) {
    endSide(connection, slot, StreamBit.remoteClosed);
  }
}

/** A section for a stream that is over: only the dynamic table must follow it. */
function ignoreSection(connection: ConnectionState, offset: number, length: number): void {
  if (!chargeFlood(connection, FloodKind.emptyFrame, 1)) return;
  if (decode(connection, offset, length, BlockKind.trailers) === DecodeResult.ok) dropFields(connection);
}

function decode(connection: ConnectionState, offset: number, length: number, kind: BlockKind): DecodeResult {
  const { engine } = connection;
  const result = connection.decoder.decode(offset, length, kind, engine.scratch, engine.scratchOctets);
  if (result === DecodeResult.compressionError) {
    failConnection(connection, ErrorCode.compressionError, "header section cannot be decoded");
  } else if (result === DecodeResult.noMemory) {
    failConnection(connection, ErrorCode.internalError, "no memory for the header table");
  }
  return result;
}

function dropFields(connection: ConnectionState): void {
  const { slab, pool, scratch } = connection.engine;
  releaseFields(slab, pool, scratch, connection.decoder.outOctets);
}
