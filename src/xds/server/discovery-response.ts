import type { TypeUrl } from "../resources/type-url.ts";
import { CONTROL_PLANE_IDENTIFIER } from "../resources/type-url.ts";
import { WireWriter } from "../resources/wire-writer.ts";

/** Who answers, for the other side's logs. */
const CONTROL_PLANE = new WireWriter().string(1, CONTROL_PLANE_IDENTIFIER).finish();

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
  const head = new WireWriter().string(1, version).string(4, type).string(5, nonce).octets(6, CONTROL_PLANE);
  return Buffer.concat([head.finish(), ...resources]);
}

/** The same of an envoy.service.discovery.v3.DeltaDiscoveryResponse. @param removed names of what does not exist (any more). */
export function deltaResponse(
  type: TypeUrl,
  nonce: string,
  resources: readonly Buffer[],
  removed: readonly string[],
): Buffer {
  const head = new WireWriter().string(4, type).string(5, nonce).strings(6, removed).octets(7, CONTROL_PLANE);
  return Buffer.concat([head.finish(), ...resources]);
}
