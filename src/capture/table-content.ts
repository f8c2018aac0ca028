import { isIPv4 } from "node:net";
import type { Plan } from "./plan.ts";

/** What is in the table's sets and maps, as nft writes elements; timed ones come from the gate. Lists are sorted. */
export interface TableContent {
  /** Ranges whose connections the proxies take, of all generations. */
  readonly anyIp: Families;
  /** Where canaries come in. */
  readonly canary: Families;
  /** Addresses of the node that only stand for the door. */
  readonly stable: Families;
  /** `address . port : AnyIP . private port`, for everybody. */
  readonly doors: Families;
  /** `address . port : AnyIP . private port`, for callers. */
  readonly services: Families;
  /** `address . port` of what is captured. */
  readonly captured: Families;
  /** Addresses of captured pods. */
  readonly callers: Families;
  /** Those of them that are refused while no proxy works. */
  readonly closed: Families;
}

/** The elements of each family's set. */
export interface Families {
  readonly 4: readonly string[];
  readonly 6: readonly string[];
}

/** What of several generations decides the content. */
export interface ContentSource {
  /** The plan that is in force: the current generation's; without one, what was last known. */
  readonly plan: Plan | undefined;
  /** The current generation's private port; 0 leaves the maps empty. */
  readonly port: number;
  /** Plans of all generations that live, for their ranges. */
  readonly all: readonly Plan[];
}

/** Makes the table's content; pure. */
export function tableContent({ plan, port, all }: ContentSource): TableContent {
  const services: Draft = { 4: [], 6: [] };
  const captured: Draft = { 4: [], 6: [] };
  const doors: Draft = { 4: [], 6: [] };
  const stable: Draft = { 4: [], 6: [] };
  const callers: Draft = { 4: [], 6: [] };
  const closed: Draft = { 4: [], 6: [] };
  for (const service of plan?.services ?? [])
    for (const address of service.addresses) {
      const to = isIPv4(address) ? service.anyIp.ipv4 : service.anyIp.ipv6;
      if (to === "") continue;
      const from = `${address} . ${service.port}`;
      add(captured, address, from);
      if (port !== 0) add(services, address, `${from} : ${to} . ${port}`);
    }
  for (const { address, port: at } of plan?.entries ?? []) {
    const to = isIPv4(address) ? plan!.door.ipv4 : plan!.door.ipv6;
    if (to !== "" && port !== 0) add(doors, address, `${address} . ${at} : ${to} . ${port}`);
    if (isStable(address)) add(stable, address, address);
  }
  for (const caller of plan?.callers ?? [])
    for (const address of caller.transparent ? caller.addresses : []) {
      add(callers, address, address);
      if (caller.failClosed) add(closed, address, address);
    }
  const ranges = all.flatMap((each) => [each.ranges.ipv4, each.ranges.ipv6]);
  const canaries = all.flatMap((each) => [each.canary.ipv4, each.canary.ipv6]);
  return {
    anyIp: sorted(byFamily(ranges)),
    canary: sorted(byFamily(canaries)),
    stable: sorted(stable),
    doors: sorted(doors),
    services: sorted(services),
    captured: sorted(captured),
    callers: sorted(callers),
    closed: sorted(closed),
  };
}

/** @returns whether the address exists on the node for the door alone; others, such as the node's own, are used by others too. */
export function isStable(address: string): boolean {
  return address.startsWith("169.254.") || address.toLowerCase().startsWith("fe80:");
}

interface Draft {
  4: string[];
  6: string[];
}

function add(draft: Draft, address: string, element: string): void {
  draft[isIPv4(address) ? 4 : 6].push(element);
}

function byFamily(texts: readonly string[]): Draft {
  return {
    4: texts.filter((text) => text !== "" && !text.includes(":")),
    6: texts.filter((text) => text.includes(":")),
  };
}

/** Without doubles: two pods may have one address for a moment, and two services never one of address and port. */
function sorted(draft: Draft): Families {
  return { 4: unique(draft[4]), 6: unique(draft[6]) };
}

/** Of map elements with one key the first is kept: nft refuses a whole transaction for a key with two values. */
function unique(elements: readonly string[]): readonly string[] {
  const byKey = new Map<string, string>();
  for (const element of elements) {
    const key = element.split(" : ")[0]!;
    if (!byKey.has(key)) byKey.set(key, element);
  }
  return [...byKey.values()].sort();
}
