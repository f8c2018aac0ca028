import type { ConnectionState } from "./connection-state.ts";
import type { ErrorCode } from "./error-code.ts";
import { failOutput } from "./fail-output.ts";
import type { FloodKind } from "./flood-kind.ts";
import { NO_FLOOD } from "./flood-kind.ts";
import { FRAME_HEAD_OCTETS, FrameFlag, FrameType } from "./frame/frame-type.ts";
import { writeFrameHead, writeUint32 } from "./frame/octets.ts";

/** Writes WINDOW_UPDATE for a stream, or for the connection with id 0. */
export function writeWindowUpdate(connection: ConnectionState, id: number, octets: number): void {
  const at = connection.output.reserve(FRAME_HEAD_OCTETS + 4);
  if (at === 0) return failOutput(connection);
  const { bytes } = connection.engine.slab;
  writeFrameHead(bytes, at, 4, FrameType.windowUpdate, 0, id);
  writeUint32(bytes, at + FRAME_HEAD_OCTETS, octets);
  connection.output.commit(at + FRAME_HEAD_OCTETS + 4);
}

/** Writes PING; `high` and `low` are its 8 octets. */
export function writePing(connection: ConnectionState, ack: boolean, high: number, low: number): void {
  const at = connection.output.reserve(FRAME_HEAD_OCTETS + 8);
  if (at === 0) return failOutput(connection);
  const { bytes } = connection.engine.slab;
  writeFrameHead(bytes, at, 8, FrameType.ping, ack ? FrameFlag.ack : 0, 0);
  writeUint32(bytes, at + FRAME_HEAD_OCTETS, high);
  writeUint32(bytes, at + FRAME_HEAD_OCTETS + 4, low);
  connection.output.commit(at + FRAME_HEAD_OCTETS + 8);
}

/** Writes GOAWAY. `debug` is plain ASCII for the peer's log. */
export function writeGoaway(
  connection: ConnectionState,
  lastStreamId: number,
  errorCode: number,
  debug: string,
): void {
  const payload = 8 + debug.length;
  const at = connection.output.reserve(FRAME_HEAD_OCTETS + payload);
  if (at === 0) return failOutput(connection);
  const { bytes } = connection.engine.slab;
  writeFrameHead(bytes, at, payload, FrameType.goaway, 0, 0);
  writeUint32(bytes, at + FRAME_HEAD_OCTETS, lastStreamId);
  writeUint32(bytes, at + FRAME_HEAD_OCTETS + 4, errorCode);
  bytes.write(debug, at + FRAME_HEAD_OCTETS + 8, "latin1");
  connection.output.commit(at + FRAME_HEAD_OCTETS + payload);
  connection.goawaySent = true;
}

/**
 * The peer broke a rule of the connection (RFC 9113 §5.4.1): GOAWAY, and nothing more is read. Streams are ended when the
 * transport closes the connection.
 *
 * @param debug why, for the peer's log, in plain ASCII.
 * @param flood what the peer did too much of, if that is why.
 */
export function failConnection(
  connection: ConnectionState,
  errorCode: ErrorCode,
  debug: string,
  flood: FloodKind | typeof NO_FLOOD = NO_FLOOD,
): void {
  if (connection.failed || connection.closed) return;
  connection.failed = true;
  // A GOAWAY must not name a higher id than one before it.
  const lastStreamId = Math.min(connection.highestPeerId, connection.lastAcceptedId);
  writeGoaway(connection, lastStreamId, errorCode, debug);
  connection.sink.onFailed(errorCode, flood);
}
