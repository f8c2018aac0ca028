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
 *     }
 */
export interface NodeView {
  /** As `node.id` of the proxy. */
  readonly name: string;
  /** From 0 to `count - 1`, each number once in the fleet. */
  readonly index: number;
  readonly count: number;
  /** Where the control plane thinks the proxy is; "" when not known. */
  readonly zone: string;
  /** The same among the proxies of that zone. */
  readonly zoneIndex: number;
  readonly zoneCount: number;
}

/** @returns the message's octets. */
export function encodeNodeView({ name, index, count, zone, zoneIndex, zoneCount }: NodeView): Buffer {
  return new WireWriter()
    .string(1, name)
    .number(2, index)
    .number(3, count)
    .string(4, zone)
    .number(5, zoneIndex)
    .number(6, zoneCount)
    .finish();
}

/** Reads a NodeView; an index that its count has no room for is refused. */
export function decodeNodeView(octets: Uint8Array): Decoded<NodeView> {
  return decodeGuarded("NodeView", () => {
    const view = { name: "", index: 0, count: 0, zone: "", zoneIndex: 0, zoneCount: 0 };
    const reader = new WireReader(octets);
    while (reader.next()) {
      if (reader.field === 1) view.name = reader.string();
      else if (reader.field === 2) view.index = reader.number();
      else if (reader.field === 3) view.count = reader.number();
      else if (reader.field === 4) view.zone = reader.string();
      else if (reader.field === 5) view.zoneIndex = reader.number();
      else if (reader.field === 6) view.zoneCount = reader.number();
      else reader.skip();
    }
    within("index", view.index, "count", view.count);
    within("zone_index", view.zoneIndex, "zone_count", view.zoneCount);
    return view;
  });
}

function within(key: string, index: number, countKey: string, count: number): void {
  if (index >= count) throw new ResourceProblem(key, String(index), `less than ${countKey} (${count})`);
}
