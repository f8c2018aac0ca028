import type { ConnectionState } from "./connection-state.ts";
import { REMEMBERED_RESETS } from "./connection-state.ts";
import { failOutput } from "./fail-output.ts";
import { FRAME_HEAD_OCTETS, FrameType } from "./frame/frame-type.ts";
import { writeFrameHead, writeUint32 } from "./frame/octets.ts";

/** Writes RST_STREAM for any id and remembers it, so that frames already on their way are ignored. */
export function writeReset(connection: ConnectionState, id: number, errorCode: number): void {
  connection.resetIds ??= new Int32Array(REMEMBERED_RESETS);
  connection.resetIds[connection.resetCount++ & (REMEMBERED_RESETS - 1)] = id;
  const at = connection.output.reserve(FRAME_HEAD_OCTETS + 4);
  if (at === 0) return failOutput(connection);
  const { bytes } = connection.engine.slab;
  writeFrameHead(bytes, at, 4, FrameType.rstStream, 0, id);
  writeUint32(bytes, at + FRAME_HEAD_OCTETS, errorCode);
  connection.output.commit(at + FRAME_HEAD_OCTETS + 4);
}
