import { CloseReason, GuardCell } from "../telemetry/guard-cell.ts";
import { WorkerColumn } from "../telemetry/worker-counters.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { giveUp } from "./give-up.ts";
import type { Caller } from "./guard/caller.ts";
import type { GuardedArrival } from "./guard/guarded-arrival.ts";
import type { GuardedConnection } from "./guard/guarded-connection.ts";
import { countHeld, heldForExchange } from "./guard/held-octets.ts";
import type { ProxyContext } from "./proxy-context.ts";
import { PROXY_ERRORS } from "./proxy-error.ts";

/** Share of the octet budget that one relief frees, so that it is rare. */
const FREED_SHARE = 0.05;
/** A connection that has left so much unread is worth closing. */
const LARGE_BACKLOG_OCTETS = 32_768;

/**
 * Makes room when queues and copies have filled their share of the octet budget: the caller that holds most gives up its
 * largest streams, with RESOURCE_EXHAUSTED, so that who asks for little is served whatever others hold. If what it holds
 * is not in streams but stands before sockets it does not read, those connections are closed.
 */
export function relieve(context: ProxyContext, dispatcher: Dispatcher): void {
  const { slab } = context.engine;
  const wanted = slab.usedOctets - slab.capacityOctets * FREED_SHARE;
  while (slab.usedOctets > wanted) {
    const [largest, second] = countHeld(context).sort((a, b) => b.heldOctets - a.heldOctets);
    if (largest === undefined || largest.heldOctets === 0) return;
    const before = slab.usedOctets;
    const excess = largest.heldOctets - (second?.heldOctets ?? 0);
    endLargestStreams(context, dispatcher, largest, wanted, excess);
    if (slab.usedOctets >= before) {
      // Its blocks come back when the socket has closed.
      closeUnread(context, dispatcher, largest, slab.usedOctets - wanted);
      return;
    }
  }
}

/** Ends a caller's streams, the largest first, until the budget has room or it holds no more than the next one. */
function endLargestStreams(
  context: ProxyContext,
  dispatcher: Dispatcher,
  caller: Caller,
  wantedOctets: number,
  excessOctets: number,
): void {
  const { slab, streams, connections } = context.engine;
  const slots: number[] = [];
  for (const { caller: owner, connection } of context.downstream) {
    if (owner !== caller) continue;
    for (let slot = connection.state.firstStream; slot !== 0; slot = streams.next[slot]!) {
      if (heldForExchange(context, slot) > 0) slots.push(slot);
    }
  }
  slots.sort((a, b) => heldForExchange(context, b) - heldForExchange(context, a));
  let ended = 0;
  for (const slot of slots) {
    if (slab.usedOctets <= wantedOctets || ended > excessOctets) return;
    // The end of another stream may have ended this one.
    const held = heldForExchange(context, slot);
    const connection = connections[streams.connection[slot]!];
    if (streams.id[slot] === 0 || connection === undefined || held === 0) continue;
    ended += held;
    context.workerRow[WorkerColumn.guard + GuardCell.relievedStreams]!++;
    giveUp(context, dispatcher, connection, slot, PROXY_ERRORS.overBudget);
  }
}

/** Closes the caller's connection with the most octets waiting. What it has in progress could not be told its end anyway. */
function closeUnread(
  context: ProxyContext,
  dispatcher: Dispatcher,
  caller: Caller,
  neededOctets: number,
): void {
  const { streams } = context.engine;
  let most = LARGE_BACKLOG_OCTETS;
  let unread: GuardedConnection | undefined;
  for (const each of context.downstream) {
    const { backlogOctets } = each.connection.state.output;
    if (each.caller !== caller || each.connection.state.closed || backlogOctets < most) continue;
    most = backlogOctets;
    unread = each;
  }
  if (closeArrivals(context, caller, most, neededOctets) || unread === undefined) return;
  const { state } = unread.connection;
  for (let slot = state.firstStream; slot !== 0; ) {
    const next = streams.next[slot]!;
    giveUp(context, dispatcher, state, slot, PROXY_ERRORS.overBudget);
    slot = next;
  }
  context.workerRow[WorkerColumn.guard + GuardCell.closed + CloseReason.overBudget]!++;
  unread.channel.destroy();
}

/**
 * Closes the caller's spliced connections, the largest first, if they hold more than this. As their blocks come back later, enough
 * are closed at once for what is needed.
 *
 * @returns whether there was one.
 */
function closeArrivals(
  context: ProxyContext,
  caller: Caller,
  moreThan: number,
  neededOctets: number,
): boolean {
  let octets = 0;
  while (octets < neededOctets) {
    const arrival = largestArrival(context, caller, moreThan);
    if (arrival === undefined) break;
    octets += arrival.heldOctets;
    context.workerRow[WorkerColumn.guard + GuardCell.closed + CloseReason.overBudget]!++;
    arrival.cutOff();
  }
  return octets > 0;
}

/** @returns the caller's connection that is not HTTP/2 and holds more than any other and than this; undefined for none. */
function largestArrival(context: ProxyContext, caller: Caller, octets: number): GuardedArrival | undefined {
  let most = octets;
  let largest: GuardedArrival | undefined;
  for (const each of context.arrivals) {
    if (each.caller !== caller || each.closing || each.heldOctets <= most) continue;
    most = each.heldOctets;
    largest = each;
  }
  return largest;
}
