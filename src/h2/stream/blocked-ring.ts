import type { ConnectionState } from "../connection-state.ts";
import { StreamBit } from "./stream-table.ts";

/** Puts a stream at the end of its connection's ring of blocked streams; no effect when it is there. */
export function joinBlockedRing(connection: ConnectionState, slot: number): void {
  const { streams } = connection.engine;
  if (streams.bits[slot]! & StreamBit.blocked) return;
  streams.bits[slot]! |= StreamBit.blocked;
  const head = connection.blockedHead;
  if (head === 0) {
    connection.blockedHead = slot;
    streams.blockedNext[slot] = slot;
    streams.blockedPrevious[slot] = slot;
    return;
  }
  const tail = streams.blockedPrevious[head]!;
  streams.blockedNext[tail] = slot;
  streams.blockedPrevious[slot] = tail;
  streams.blockedNext[slot] = head;
  streams.blockedPrevious[head] = slot;
}

/** Takes a stream out of its connection's ring; no effect when it is not there. */
export function leaveBlockedRing(connection: ConnectionState, slot: number): void {
  const { streams } = connection.engine;
  if (!(streams.bits[slot]! & StreamBit.blocked)) return;
  streams.bits[slot]! &= ~StreamBit.blocked;
  const next = streams.blockedNext[slot]!;
  if (next === slot) {
    connection.blockedHead = 0;
    return;
  }
  const previous = streams.blockedPrevious[slot]!;
  streams.blockedNext[previous] = next;
  streams.blockedPrevious[next] = previous;
  if (connection.blockedHead === slot) connection.blockedHead = next;
}
