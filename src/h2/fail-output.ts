import type { ConnectionState } from "./connection-state.ts";
import { ErrorCode } from "./error-code.ts";
import { NO_FLOOD } from "./flood-kind.ts";

/** Ends the connection because the octet budget has no room for what it must say. */
export function failOutput(connection: ConnectionState): void {
  if (connection.failed || connection.closed) return;
  connection.failed = true;
  connection.sink.onFailed(ErrorCode.enhanceYourCalm, NO_FLOOD);
}
