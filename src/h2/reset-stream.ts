import type { ConnectionState } from "./connection-state.ts";
import { closeStream } from "./stream/stream-life.ts";
import { StreamBit } from "./stream/stream-table.ts";
import { writeReset } from "./write-reset.ts";

/** Ends a stream of ours or the peer's with RST_STREAM; `onClosed` is told, `onReset` is not. */
export function resetStream(connection: ConnectionState, slot: number, errorCode: number): void {
  writeReset(connection, connection.engine.streams.id[slot]!, errorCode);
  closeStream(connection, slot);
}

/** Lets a stream run out: what still arrives is counted for flow control and dropped. */
export function discardStream(connection: ConnectionState, slot: number): void {
  connection.engine.streams.bits[slot]! |= StreamBit.discard;
}
