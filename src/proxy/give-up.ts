import type { ConnectionState } from "../h2/connection-state.ts";
import { ErrorCode } from "../h2/error-code.ts";
import { dropQueue } from "../h2/stream/stream-life.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { abandonUpstream, fail } from "./exchange-fail.ts";
import { Phase } from "./exchange-table.ts";
import type { ProxyContext } from "./proxy-context.ts";
import type { ProxyError } from "./proxy-error.ts";

/** Ends a request wherever it stands, with an error of our own; what its client has not been sent yet is dropped. */
export function giveUp(
  context: ProxyContext,
  dispatcher: Dispatcher,
  connection: ConnectionState,
  slot: number,
  error: ProxyError,
): void {
  const { exchanges, clusters } = context;
  if (exchanges.peer[slot] !== 0) abandonUpstream(context, slot, ErrorCode.cancel);
  else if (exchanges.phase[slot] !== Phase.answered) dispatcher.leaveWaiting(slot);
  dropQueue(connection, slot);
  const name = clusters[exchanges.cluster[slot]!]?.snapshot.name ?? "";
  fail(context, slot, error, name);
}
