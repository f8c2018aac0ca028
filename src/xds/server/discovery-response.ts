import type { TypeUrl } from "../resources/type-url.ts";
import { CONTROL_PLANE_IDENTIFIER } from "../resources/type-url.ts";
import { WireWriter } from "../resources/wire-writer.ts";

/** Who answers, for the other side's logs. */
const CONTROL_PLANE = new WireWriter().string(1, CONTROL_PLANE_IDENTIFIER).finish();
const NOTHING = Buffer.alloc(0);

/** What all responses of a type have alike. */
const sotwHeads = new Map<TypeUrl, Buffer>();
const deltaHeads = new Map<TypeUrl, Buffer>();

/**
 * Puts an envoy.service.discovery.v3.DiscoveryResponse together from resources that are encoded already: protobuf does not mind the order of
 * fields, so that only what differs from stream to stream is made anew.
 *
 * @param resources each as a whole field.
 * @returns the message in parts, so that what all clients get alike is not copied for each.
 */
export function sotwResponse(
  type: TypeUrl,
  version: string,
  nonce: string,
  resources: readonly Buffer[],
): readonly Buffer[] {
  let head = sotwHeads.get(type);
  if (head === undefined) {
    head = new WireWriter().string(4, type).octets(6, CONTROL_PLANE).finish();
    sotwHeads.set(type, head);
  }
  return join(head, 5, nonce, new WireWriter().string(1, version).finish(), resources);
}

/** The same of an envoy.service.discovery.v3.DeltaDiscoveryResponse. @param removed names of what does not exist (any more). */
export function deltaResponse(
  type: TypeUrl,
  nonce: string,
  resources: readonly Buffer[],
  removed: readonly string[],
): readonly Buffer[] {
  let head = deltaHeads.get(type);
  if (head === undefined) {
    head = new WireWriter().string(4, type).octets(7, CONTROL_PLANE).finish();
    deltaHeads.set(type, head);
  }
  const gone = removed.length === 0 ? NOTHING : new WireWriter().strings(6, removed).finish();
  return join(head, 5, nonce, gone, resources);
}

/** @param nonce ASCII, of less than 128 characters. */
function join(
  head: Buffer,
  nonceField: number,
  nonce: string,
  more: Buffer,
  resources: readonly Buffer[],
): readonly Buffer[] {
  const own = Buffer.allocUnsafe(head.length + 2 + nonce.length + more.length);
  own.set(head, 0);
  let at = head.length;
  own[at++] = nonceField * 8 + 2;
  own[at++] = nonce.length;
  at += own.write(nonce, at, "latin1");
  own.set(more, at);
  return [own, ...resources];
}
