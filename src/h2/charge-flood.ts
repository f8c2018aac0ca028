import type { ConnectionState } from "./connection-state.ts";
import { failConnection } from "./control-frames.ts";
import { ErrorCode } from "./error-code.ts";
import { FloodBudget } from "./flood-budget.ts";
import { FloodKind } from "./flood-kind.ts";

/** What was too much, for the peer's log. */
const WHAT: Readonly<Record<FloodKind, string>> = {
  [FloodKind.reset]: "RST_STREAM",
  [FloodKind.provokedReset]: "streams with errors",
  [FloodKind.ping]: "PING",
  [FloodKind.settings]: "SETTINGS",
  [FloodKind.emptyFrame]: "frames without effect",
  [FloodKind.continuation]: "pieces of header sections",
  [FloodKind.windowUpdate]: "WINDOW_UPDATE",
};

/**
 * Charges what the peer has just done to its budget, and to its caller's. When either is used up the connection is ended with
 * ENHANCE_YOUR_CALM; streams are told when its transport closes, as with every connection error.
 *
 * @returns false when the connection was ended.
 */
export function chargeFlood(connection: ConnectionState, kind: FloodKind, units: number): boolean {
  const { engine, callerBudget } = connection;
  const { nowMs } = engine.time;
  connection.floodBudget ??= new FloodBudget(engine.limits.floods);
  const own = connection.floodBudget.take(kind, units, nowMs);
  if (own && (callerBudget === undefined || callerBudget.take(kind, units, nowMs))) return true;
  const who = own ? " from this caller" : "";
  failConnection(connection, ErrorCode.enhanceYourCalm, `too many ${WHAT[kind]}${who}`, kind);
  return false;
}
