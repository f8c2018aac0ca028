import type { ConnectionState } from "../h2/connection-state.ts";
import { Role } from "../h2/connection-state.ts";
import { ErrorCode } from "../h2/error-code.ts";
import { dropQueue } from "../h2/stream/stream-life.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { abandonUpstream, fail } from "./exchange-fail.ts";
import { Phase } from "./exchange-table.ts";
import type { ProxyContext } from "./proxy-context.ts";
import type { ProxyError } from "./proxy-error.ts";
import { PROXY_ERRORS } from "./proxy-error.ts";

/** Share of the octet budget that one relief frees, so that it is rare. */
const FREED_SHARE = 0.05;

/**
 * Makes room when queues and copies have filled their share of the octet budget: the connection that holds most gives up
 * its largest streams, with RESOURCE_EXHAUSTED, so that who asks for little is served whatever others hold.
 */
export function relieve(context: ProxyContext, dispatcher: Dispatcher): void {
  const { slab } = context.engine;
  const wanted = slab.usedOctets - slab.capacityOctets * FREED_SHARE;
  while (slab.usedOctets > wanted) {
    const holder = largestHolder(context);
    if (holder === undefined) return;
    const slot = largestStream(context, holder);
    if (slot === 0) return;
    giveUp(context, dispatcher, holder, slot, PROXY_ERRORS.overBudget);
  }
}

/** Octets held for one exchange: towards the client, towards the endpoint, and to be sent again. */
function heldOctets(context: ProxyContext, slot: number): number {
  const { exchanges, engine } = context;
  const { queue } = engine.streams;
  const stream = exchanges.peer[slot]!;
  return queue.octets[slot]! + exchanges.replay.octets[slot]! + (stream === 0 ? 0 : queue.octets[stream]!);
}

function largestHolder(context: ProxyContext): ConnectionState | undefined {
  const { connections, streams } = context.engine;
  let most = 0;
  let holder: ConnectionState | undefined;
  for (const connection of connections) {
    if (connection === undefined || connection.role !== Role.server) continue;
    let held = 0;
    for (let slot = connection.firstStream; slot !== 0; slot = streams.next[slot]!) {
      held += heldOctets(context, slot);
    }
    if (held > most) {
      most = held;
      holder = connection;
    }
  }
  return holder;
}

function largestStream(context: ProxyContext, connection: ConnectionState): number {
  const { streams } = context.engine;
  let most = 0;
  let largest = 0;
  for (let slot = connection.firstStream; slot !== 0; slot = streams.next[slot]!) {
    const held = heldOctets(context, slot);
    if (held <= most) continue;
    most = held;
    largest = slot;
  }
  return largest;
}

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
