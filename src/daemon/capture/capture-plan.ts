import { createHash } from "node:crypto";
import type { AnyIp, AnyIpRanges } from "../../resource/any-ip.ts";
import { CANARY_NUMBER, DOOR_NUMBER } from "../../resource/any-ip.ts";
import type { Caller } from "../../resource/caller.ts";
import type { NumberedService } from "./service-numbers.ts";

/** What a plan is made of. */
export interface PlanInput {
  readonly generation: string;
  readonly ranges: AnyIpRanges;
  readonly anyIp: AnyIp;
  readonly services: readonly NumberedService[];
  readonly callers: readonly Caller[];
  /** Addresses where callers dial who name their services themselves. */
  readonly entries: readonly { readonly address: string; readonly port: number }[];
}

/** @returns plan.json: what `isobar capture` is to make of this node's tables for one generation. Its `version` is the same for the same content. */
export function capturePlan({ generation, ranges, anyIp, services, callers, entries }: PlanInput) {
  const place = (number: number) => ({ ipv4: anyIp.ipv4Of(number), ipv6: anyIp.ipv6Of(number) });
  const content = {
    anyIp: ranges,
    door: place(DOOR_NUMBER),
    canary: place(CANARY_NUMBER),
    services: services.map(({ service, addresses, port, number }) => ({
      service,
      addresses,
      port,
      // Of a family that it has an address of.
      anyIp4: addresses.some((address) => !address.includes(":")) ? anyIp.ipv4Of(number) : "",
      anyIp6: addresses.some((address) => address.includes(":")) ? anyIp.ipv6Of(number) : "",
    })),
    callers: callers
      .map(({ addresses, mode, failClosed, reclaim, uid, namespace }) => ({
        addresses,
        mode,
        failClosed,
        reclaim,
        uid,
        namespace,
      }))
      .sort((a, b) => (a.uid < b.uid ? -1 : 1)),
    entries,
  };
  const version = createHash("sha256").update(JSON.stringify(content)).digest("hex").slice(0, 16);
  return { format: 1, generation, version, ...content };
}
