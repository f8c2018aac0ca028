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
 */
export function sotwResponse(
  type: TypeUrl,
  version: string,
  nonce: string,
  resources: readonly Buffer[],
): Buffer {
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
): Buffer {
  let head = deltaHeads.get(type);
  if (head === undefined) {
    head = new WireWriter().string(4, type).octets(7, CONTROL_PLANE).finish();
    deltaHeads.set(type, head);
  }
  const gone = removed.length === 0 ? NOTHING : new WireWriter().strings(6, removed).finish();
  return join(head, 5, nonce, gone, resources);
}

/** One buffer, filled once. @param nonce ASCII, of less than 128 characters. */
function join(
  head: Buffer,
  nonceField: number,
  nonce: string,
  more: Buffer,
  resources: readonly Buffer[],
): Buffer {
  let length = head.length + 2 + nonce.length + more.length;
  for (const each of resources) length += each.length;
  const response = Buffer.allocUnsafe(length);
  response.set(head, 0);
  let at = head.length;
  response[at++] = nonceField * 8 + 2;
  response[at++] = nonce.length;
  at += response.write(nonce, at, "latin1");
  response.set(more, at);
  at += more.length;
  for (const each of resources) {
    response.set(each, at);
    at += each.length;
  }
  return response;
}
