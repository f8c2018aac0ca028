import type { ProxyContext } from "../proxy-context.ts";
import type { Caller } from "./caller.ts";
import type { GuardedConnection } from "./guarded-connection.ts";

/** Octets held for one exchange on the way to its endpoint: the copy that may be sent again, and what the endpoint does not take. */
export function heldForRequest(context: ProxyContext, slot: number): number {
  const { exchanges, engine } = context;
  const stream = exchanges.peer[slot]!;
  return exchanges.replay.octets[slot]! + (stream === 0 ? 0 : engine.streams.queue.octets[stream]!);
}

/** Octets held for one exchange in both directions. */
export function heldForExchange(context: ProxyContext, slot: number): number {
  return heldForRequest(context, slot) + context.engine.streams.queue.octets[slot]!;
}

/** Octets a connection's streams hold on the way to endpoints. */
export function heldForRequests(context: ProxyContext, { connection }: GuardedConnection): number {
  const { next } = context.engine.streams;
  let held = 0;
  for (let slot = connection.state.firstStream; slot !== 0; slot = next[slot]!) {
    held += heldForRequest(context, slot);
  }
  return held;
}

let pass = 0;

/**
 * Adds up what every caller holds: its streams, what its sockets do not take, and what waits in spliced connections. It looks at every stream, so it is for
 * times when memory is short.
 *
 * @returns the callers that have connections, their sums filled in.
 */
export function countHeld(context: ProxyContext): Caller[] {
  const { next, queue } = context.engine.streams;
  const callers: Caller[] = [];
  pass++;
  for (const { caller, connection } of context.downstream) {
    begin(caller, callers);
    const { state } = connection;
    let requests = 0;
    let responses = state.output.backlogOctets;
    for (let slot = state.firstStream; slot !== 0; slot = next[slot]!) {
      requests += heldForRequest(context, slot);
      responses += queue.octets[slot]!;
    }
    caller.requestOctets += requests;
    caller.heldOctets += requests + responses;
  }
  for (const { caller, heldOctets } of context.arrivals) {
    begin(caller, callers);
    caller.heldOctets += heldOctets;
  }
  return callers;
}

function begin(caller: Caller, callers: Caller[]): void {
  if (caller.counted === pass) return;
  caller.counted = pass;
  caller.heldOctets = 0;
  caller.requestOctets = 0;
  callers.push(caller);
}
