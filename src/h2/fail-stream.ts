import { chargeFlood } from "./charge-flood.ts";
import { ResetCause } from "./connection-sink.ts";
import type { ConnectionState } from "./connection-state.ts";
import { Role } from "./connection-state.ts";
import { FloodKind } from "./flood-kind.ts";
import { abortStream } from "./stream/stream-life.ts";
import { writeReset } from "./write-reset.ts";

/**
 * The peer broke a rule on one stream: RST_STREAM, and the stream is over (RFC 9113 §5.4.2). A client pays for it, because
 * it can open as many streams as it likes; a server has as many as we open.
 */
export function failStream(connection: ConnectionState, slot: number, errorCode: number): void {
  writeReset(connection, connection.engine.streams.id[slot]!, errorCode);
  abortStream(connection, slot, errorCode, ResetCause.peerError);
  if (connection.role === Role.server) chargeFlood(connection, FloodKind.provokedReset, 1);
}
