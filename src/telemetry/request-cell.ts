import { GRPC_STATUS_COUNT } from "./grpc-status-name.ts";
import { RESPONSE_FLAG_COUNT } from "./response-flag.ts";

/** Cells that count finished requests by status and response flag, in a cluster's row and in a worker's. */
export const REQUEST_CELLS = GRPC_STATUS_COUNT * RESPONSE_FLAG_COUNT;

const UNKNOWN_STATUS = 2;

/**
 * The cell of a finished request, from the first request cell of a row.
 *
 * @param grpcStatus outside 0 to 16 (a peer can send any number) counts as UNKNOWN.
 */
export function requestCell(grpcStatus: number, flag: number): number {
  const known = grpcStatus >= 0 && grpcStatus < GRPC_STATUS_COUNT ? grpcStatus : UNKNOWN_STATUS;
  return known * RESPONSE_FLAG_COUNT + flag;
}
