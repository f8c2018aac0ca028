import { chargeFlood } from "./charge-flood.ts";
import type { ConnectionState } from "./connection-state.ts";
import { Role } from "./connection-state.ts";
import { failConnection, writeWindowUpdate } from "./control-frames.ts";
import { ErrorCode } from "./error-code.ts";
import { failOutput } from "./fail-output.ts";
import { FloodKind } from "./flood-kind.ts";
import {
  DEFAULT_WINDOW_OCTETS,
  FRAME_HEAD_OCTETS,
  FrameFlag,
  FrameType,
  MAX_WINDOW_OCTETS,
} from "./frame/frame-type.ts";
import { readUint32, writeFrameHead, writeUint32 } from "./frame/octets.ts";
import { joinBlockedRing } from "./stream/blocked-ring.ts";

/** Parameters of SETTINGS. Source: RFC 9113 §6.5.2. */
const Setting = {
  headerTableSize: 0x1,
  enablePush: 0x2,
  maxConcurrentStreams: 0x3,
  initialWindowSize: 0x4,
  maxFrameSize: 0x5,
  maxHeaderListSize: 0x6,
} as const;

const ENTRY_OCTETS = 6;
/** More of them in the first frame are charged as those of later frames are. */
const USUAL_ENTRIES = 16;
const UNLIMITED_STREAMS = 2 ** 31 - 1;
const CLIENT_PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

/** Octets of the client connection preface (RFC 9113 §3.4). */
export const PREFACE_OCTETS = CLIENT_PREFACE.length;

/** @returns whether the octet at `at` of a client's preface may be `octet`. */
export function isPrefaceOctet(at: number, octet: number): boolean {
  return CLIENT_PREFACE[at] === octet;
}

/** Writes what every connection starts with: the preface (client), SETTINGS, and the connection's window. */
export function writePreface(connection: ConnectionState): void {
  const { engine, output, role } = connection;
  const { bytes } = engine.slab;
  const preface = role === Role.client ? PREFACE_OCTETS : 0;
  const payload = 2 * ENTRY_OCTETS;
  const at = output.reserve(preface + FRAME_HEAD_OCTETS + payload);
  if (at === 0) return failOutput(connection);
  if (preface > 0) CLIENT_PREFACE.copy(bytes, at);
  let to = at + preface;
  writeFrameHead(bytes, to, payload, FrameType.settings, 0, 0);
  to += FRAME_HEAD_OCTETS;
  if (role === Role.client) to = writeSetting(bytes, to, Setting.enablePush, 0);
  else to = writeSetting(bytes, to, Setting.maxConcurrentStreams, engine.limits.maxConcurrentStreams);
  to = writeSetting(bytes, to, Setting.maxHeaderListSize, engine.limits.maxHeaderListOctets);
  output.commit(to);
  const extra = engine.limits.connectionWindowOctets - DEFAULT_WINDOW_OCTETS;
  if (extra > 0) {
    connection.recvWindow += extra;
    writeWindowUpdate(connection, 0, extra);
  }
}

function writeSetting(bytes: Uint8Array, at: number, id: number, value: number): number {
  bytes[at] = 0;
  bytes[at + 1] = id;
  writeUint32(bytes, at + 2, value);
  return at + ENTRY_OCTETS;
}

/** Takes SETTINGS, applies it whole and acknowledges it (RFC 9113 §6.5.3). */
export function receiveSettings(
  connection: ConnectionState,
  id: number,
  flags: number,
  offset: number,
  length: number,
): void {
  if (id !== 0) return failConnection(connection, ErrorCode.protocolError, "SETTINGS on a stream");
  if (flags & FrameFlag.ack) {
    if (length !== 0) {
      failConnection(connection, ErrorCode.frameSizeError, "SETTINGS ACK with a payload");
    } else if (connection.settingsAcknowledged) {
      chargeFlood(connection, FloodKind.emptyFrame, 1);
    }
    connection.settingsAcknowledged = true;
    return;
  }
  if (length % ENTRY_OCTETS !== 0) {
    return failConnection(connection, ErrorCode.frameSizeError, "SETTINGS size");
  }
  // Before they are applied: each may be a walk over all streams.
  const entries = length / ENTRY_OCTETS;
  if (connection.settingsApplied || entries > USUAL_ENTRIES) {
    if (!chargeFlood(connection, FloodKind.settings, Math.max(entries, 1))) return;
  }
  if (!connection.settingsApplied) {
    connection.settingsApplied = true;
    // The guess ends here: a peer that names no limit has none (RFC 9113 §6.5.2).
    connection.peerMaxConcurrentStreams = UNLIMITED_STREAMS;
  }
  const { bytes } = connection.engine.slab;
  for (let at = offset; at < offset + length; at += ENTRY_OCTETS) {
    applySetting(connection, (bytes[at]! << 8) | bytes[at + 1]!, readUint32(bytes, at + 2));
    if (connection.failed) return;
  }
  const at = connection.output.reserve(FRAME_HEAD_OCTETS);
  if (at === 0) return failOutput(connection);
  writeFrameHead(bytes, at, 0, FrameType.settings, FrameFlag.ack, 0);
  connection.output.commit(at + FRAME_HEAD_OCTETS);
  connection.pumpDue = connection.blockedHead !== 0;
  connection.sink.onSettings();
}

function applySetting(connection: ConnectionState, id: number, value: number): void {
  switch (id) {
    case Setting.headerTableSize:
      connection.encoder.setMaxTableOctets(value);
      break;
    case Setting.enablePush:
      if (value > 1 || (value === 1 && connection.role === Role.client)) {
        failConnection(connection, ErrorCode.protocolError, "ENABLE_PUSH value");
      }
      break;
    case Setting.maxConcurrentStreams:
      connection.peerMaxConcurrentStreams = value;
      break;
    case Setting.initialWindowSize:
      applyInitialWindow(connection, value);
      break;
    case Setting.maxFrameSize:
      if (value < 16_384 || value > 16_777_215) {
        failConnection(connection, ErrorCode.protocolError, "MAX_FRAME_SIZE value");
      } else {
        connection.peerMaxFrameOctets = value;
      }
      break;
    case Setting.maxHeaderListSize:
      connection.peerMaxHeaderListOctets = value;
      break;
    default:
    // Unknown settings are ignored (RFC 9113 §6.5.2).
  }
}

/** A changed initial window moves the window of every open stream by the difference, below zero too (§6.9.2). */
function applyInitialWindow(connection: ConnectionState, octets: number): void {
  if (octets > MAX_WINDOW_OCTETS) {
    return failConnection(connection, ErrorCode.flowControlError, "INITIAL_WINDOW_SIZE value");
  }
  const { streams } = connection.engine;
  const delta = octets - connection.peerInitialWindowOctets;
  connection.peerInitialWindowOctets = octets;
  for (let slot = connection.firstStream; slot !== 0; slot = streams.next[slot]!) {
    const window = streams.sendWindow[slot]! + delta;
    if (window > MAX_WINDOW_OCTETS) {
      return failConnection(connection, ErrorCode.flowControlError, "stream window overflow");
    }
    streams.sendWindow[slot] = window;
    if (window > 0 && streams.queue.head[slot] !== 0) joinBlockedRing(connection, slot);
  }
}
