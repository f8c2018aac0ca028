import type { RawStream } from "../fixture/raw-backend.ts";
import { Flag, frame, literal, RESPONSE_HEADERS, Type } from "../fixture/raw-backend.ts";

/** Answers with trailers only, as gRPC servers tell an error. */
export function trailersOnly(
  { connection, id }: RawStream,
  status: number,
  more: Readonly<Record<string, string>> = {},
): void {
  const fields = Object.entries({ "grpc-status": String(status), ...more }).map(([name, value]) =>
    literal(name, value),
  );
  const block = Buffer.concat([RESPONSE_HEADERS, ...fields]);
  connection.send(frame(Type.headers, Flag.endHeaders | Flag.endStream, id, block));
}

/** Answers with headers, and with a failing status in trailers behind them. */
export function lateFailure({ connection, id }: RawStream, status: number): void {
  connection.send(
    frame(Type.headers, Flag.endHeaders, id, RESPONSE_HEADERS),
    frame(Type.headers, Flag.endHeaders | Flag.endStream, id, literal("grpc-status", String(status))),
  );
}
