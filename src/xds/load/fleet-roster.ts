import { hashText } from "../../lb/subset/hash-text.ts";
import type { NodeView } from "../resources/node-view.ts";

/** A proxy of the fleet. */
export interface FleetMember {
  /** As `node.id` of the proxy. */
  readonly nodeId: string;
  /** "" when not known. */
  readonly region: string;
  readonly zone: string;
}

interface Known {
  readonly member: FleetMember;
  seenMs: number;
}

/**
 * Gives each proxy of the fleet its place: its rank by a hash of its node's name, in the whole fleet and in its zone. So whoever knows the same nodes
 * gives the same places, in whatever order they came. Each is told the hashes of all: subsets are made of these, and a node more or less changes few of them.
 *
 * Pure: to be told the time.
 */
export class FleetRoster {
  readonly #graceMs: number;
  readonly #known = new Map<string, Known>();
  #views: ReadonlyMap<string, NodeView> = new Map();

  /** @param graceMs how long a proxy that is gone keeps its place: a restart moves nobody. */
  constructor(graceMs: number) {
    this.#graceMs = graceMs;
  }

  get size(): number {
    return this.#views.size;
  }

  /** @returns the place of a node's proxy; undefined when it is none of the fleet. */
  find(nodeId: string): NodeView | undefined {
    return this.#views.get(nodeId);
  }

  /** Takes the proxies that there are now. @returns nodes whose place is another one, or that have none any more. */
  update(members: Iterable<FleetMember>, nowMs: number): readonly string[] {
    let changed = false;
    for (const member of members) {
      const known = this.#known.get(member.nodeId);
      if (known !== undefined && isSame(known.member, member)) known.seenMs = nowMs;
      else {
        this.#known.set(member.nodeId, { member, seenMs: nowMs });
        changed = true;
      }
    }
    for (const [nodeId, { seenMs }] of this.#known) {
      if (nowMs - seenMs <= this.#graceMs) continue;
      this.#known.delete(nodeId);
      changed = true;
    }
    return changed ? this.#rank() : [];
  }

  #rank(): string[] {
    const members = [...this.#known.values()].map(({ member }) => ({
      ...member,
      hash: hashText(member.nodeId),
    }));
    members.sort((a, b) => a.hash - b.hash || (a.nodeId < b.nodeId ? -1 : 1));
    const zoneCounts = new Map<string, number>();
    for (const member of members) zoneCounts.set(placeOf(member), (zoneCounts.get(placeOf(member)) ?? 0) + 1);
    const all = Uint32Array.from(members, ({ hash }) => hash);
    const byZone = Map.groupBy(members, placeOf);
    const zoneMembersOf = new Map(
      [...byZone].map(([place, those]) => [place, Uint32Array.from(those, ({ hash }) => hash)]),
    );
    const zoneRanks = new Map<string, number>();
    const views = new Map<string, NodeView>();
    const changed: string[] = [];
    members.forEach((member, index) => {
      const place = placeOf(member);
      const zoneIndex = zoneRanks.get(place) ?? 0;
      zoneRanks.set(place, zoneIndex + 1);
      const { nodeId: name, zone, region } = member;
      const zoneCount = zoneCounts.get(place)!;
      const former = this.#views.get(name);
      const zoneMembers = zoneMembersOf.get(place)!;
      const view = {
        name,
        index,
        count: members.length,
        zone,
        region,
        zoneIndex,
        zoneCount,
        members: all,
        zoneMembers,
      };
      const stays = former !== undefined && sameView(former, view);
      views.set(name, stays ? former : view);
      if (!stays) changed.push(name);
    });
    for (const name of this.#views.keys()) if (!views.has(name)) changed.push(name);
    this.#views = views;
    return changed;
  }
}

function placeOf({ region, zone }: FleetMember): string {
  return `${region}|${zone}`;
}

function isSame(a: FleetMember, b: FleetMember): boolean {
  return a.region === b.region && a.zone === b.zone;
}

function sameView(a: NodeView, b: NodeView): boolean {
  return (
    a.zone === b.zone &&
    a.region === b.region &&
    a.index === b.index &&
    a.zoneIndex === b.zoneIndex &&
    isSameList(a.members, b.members) &&
    isSameList(a.zoneMembers, b.zoneMembers)
  );
}

function isSameList(a: Uint32Array | undefined, b: Uint32Array | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a === b || (a.length === b.length && a.every((member, i) => member === b[i]));
}
