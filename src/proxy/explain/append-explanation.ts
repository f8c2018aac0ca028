import type { ConnectionState } from "../../h2/connection-state.ts";
import type { ProxyContext } from "../proxy-context.ts";
import { MAX_EXPLAIN_OCTETS } from "./explain-text.ts";
import { explanationBound, explanationSize, writeExplanation } from "./explanation-field.ts";

/** Where nobody answers but the proxy itself. */
export const NO_ENDPOINT = -1;

/**
 * Adds the explanation to the field block of a final response's headers, if the client asked for it and takes so much.
 *
 * @param octets length of the block, which is in the engine's scratch memory.
 * @param listOctets size of the section so far.
 * @returns the block's new length.
 */
export function appendExplanation(
  context: ProxyContext,
  slot: number,
  downstream: ConnectionState,
  octets: number,
  listOctets: number,
): number {
  const { exchanges, engine } = context;
  const text = explanationOf(context, slot, downstream, exchanges.endpoint[slot]!, listOctets);
  if (text === "" || octets + explanationBound(text) > engine.scratchOctets) return octets;
  return writeExplanation(engine.slab.bytes, engine.scratch + octets, text) - engine.scratch;
}

/**
 * @param endpoint slot of who answers, or {@link NO_ENDPOINT}.
 * @param listOctets size of the rest of the section.
 * @returns what the client is told; "" for one that has not asked, or takes no more.
 */
export function explanationOf(
  context: ProxyContext,
  slot: number,
  downstream: ConnectionState,
  endpoint: number,
  listOctets = 1024,
): string {
  const { exchanges, clusters, explain } = context;
  const room = downstream.peerMaxHeaderListOctets - listOctets - explanationSize("");
  const maxOctets = Math.min(MAX_EXPLAIN_OCTETS, room);
  return explain.answer(slot, clusters[exchanges.cluster[slot]!], endpoint, maxOctets);
}
