import type { Decoded } from "./resource-problem.ts";
import { decodeGuarded, ResourceProblem } from "./resource-problem.ts";
import { WireReader } from "./wire-reader.ts";
import { WireWriter } from "./wire-writer.ts";

/**
 * One proxy's place in the fleet, a resource of our own named by its node:
 *
 *     message isobar.v1.NodeView {
 *       string node_id = 1; uint32 index = 2; uint32 count = 3;
 *       string zone = 4; uint32 zone_index = 5; uint32 zone_count = 6;
 *       bytes members = 7; bytes zone_members = 8;   // 4 octets for each, the lowest first
 *       string region = 9;
 *     }
 */
export interface NodeView {
  /** As `node.id` of the proxy. */
  readonly name: string;
  /** From 0 to `count - 1`, each number once in the fleet. */
  readonly index: number;
  readonly count: number;
  /** Where the control plane knows the proxy's node to be; "" when not known. */
  readonly zone: string;
  readonly region: string;
  /** The same among the proxies of that zone. */
  readonly zoneIndex: number;
  readonly zoneCount: number;
  /** A hash of each proxy's name, by index, in the fleet and in that zone; undefined where the control plane does not tell. */
  readonly members?: Uint32Array;
  readonly zoneMembers?: Uint32Array;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** @returns the message's octets. */
export function encodeNodeView(view: NodeView): Buffer {
  const { name, index, count, zone, region, zoneIndex, zoneCount, members, zoneMembers } = view;
  const writer = new WireWriter()
    .string(1, name)
    .number(2, index)
    .number(3, count)
    .string(4, zone)
    .number(5, zoneIndex)
    .number(6, zoneCount);
  if (members !== undefined) writer.octets(7, octetsOf(members));
  if (zoneMembers !== undefined) writer.octets(8, octetsOf(zoneMembers));
  if (region !== "") writer.string(9, region);
  return writer.finish();
}

/** Reads a NodeView; an index that its count has no room for is refused. */
export function decodeNodeView(octets: Uint8Array): Decoded<NodeView> {
  return decodeGuarded("NodeView", () => {
    const view: Writable<NodeView> = {
      name: "",
      index: 0,
      count: 0,
      zone: "",
      region: "",
      zoneIndex: 0,
      zoneCount: 0,
    };
    const reader = new WireReader(octets);
    while (reader.next()) {
      if (reader.field === 1) view.name = reader.string();
      else if (reader.field === 2) view.index = reader.number();
      else if (reader.field === 3) view.count = reader.number();
      else if (reader.field === 4) view.zone = reader.string();
      else if (reader.field === 5) view.zoneIndex = reader.number();
      else if (reader.field === 6) view.zoneCount = reader.number();
      else if (reader.field === 7) view.members = membersOf("members", reader.octets());
      else if (reader.field === 8) view.zoneMembers = membersOf("zone_members", reader.octets());
      else if (reader.field === 9) view.region = reader.string();
      else reader.skip();
    }
    counted("members", view.members, view.count);
    counted("zone_members", view.zoneMembers, view.zoneCount);
    within("index", view.index, "count", view.count);
    within("zone_index", view.zoneIndex, "zone_count", view.zoneCount);
    return view;
  });
}

function octetsOf(members: Uint32Array): Buffer {
  const octets = Buffer.allocUnsafe(members.length * 4);
  members.forEach((member, i) => {
    octets.writeUInt32LE(member, i * 4);
  });
  return octets;
}

/** In memory that threads share: each cluster's fleet has it. */
function membersOf(key: string, octets: Uint8Array): Uint32Array {
  if (octets.length % 4 !== 0) throw new ResourceProblem(key, `${octets.length} octets`, "4 for each proxy");
  const from = new DataView(octets.buffer, octets.byteOffset, octets.length);
  const members = new Uint32Array(new SharedArrayBuffer(octets.length));
  for (let i = 0; i < members.length; i++) members[i] = from.getUint32(i * 4, true);
  return members;
}

function counted(key: string, members: Uint32Array | undefined, count: number): void {
  if (members === undefined || members.length === count) return;
  throw new ResourceProblem(key, `${members.length} proxies`, `none, or as many as there are (${count})`);
}

function within(key: string, index: number, countKey: string, count: number): void {
  if (index >= count) throw new ResourceProblem(key, String(index), `less than ${countKey} (${count})`);
}
