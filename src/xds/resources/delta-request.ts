import { ISOBAR_USER_AGENT } from "./client-kind.ts";
import { WireWriter } from "./wire-writer.ts";

/** Who asks: an envoy.config.core.v3.Node. */
export interface XdsNode {
  readonly id: string;
  readonly region: string;
  readonly zone: string;
  /** {@link ISOBAR_USER_AGENT} by default. */
  readonly userAgentName?: string;
  readonly userAgentVersion: string;
}

/** An envoy.service.discovery.v3.DeltaDiscoveryRequest; what is left out is empty. */
export interface DeltaRequest {
  readonly typeUrl: string;
  /** In the first request of a stream only. */
  readonly node?: XdsNode | undefined;
  readonly subscribe?: Iterable<string>;
  readonly unsubscribe?: Iterable<string>;
  /** Versions that are known from an earlier stream, by name; in the first request of a type only. */
  readonly initialVersions?: ReadonlyMap<string, string>;
  /** Which answer this one is to. */
  readonly nonce?: string;
  /** Why that answer is refused. */
  readonly problem?: string | undefined;
}

const INVALID_ARGUMENT = 3;

/** @returns the request as it goes over the wire. */
export function encodeDeltaRequest(request: DeltaRequest): Buffer {
  const { node, typeUrl, subscribe = [], unsubscribe = [], initialVersions, nonce = "", problem } = request;
  const writer = new WireWriter();
  if (node !== undefined) writer.message(1, (nested) => writeNode(nested, node));
  writer.string(2, typeUrl).strings(3, subscribe).strings(4, unsubscribe);
  for (const [name, version] of initialVersions ?? []) {
    writer.message(5, (entry) => entry.string(1, name).string(2, version));
  }
  writer.string(6, nonce);
  if (problem !== undefined) {
    writer.message(7, (status) => status.number(1, INVALID_ARGUMENT).string(2, problem));
  }
  return writer.finish();
}

/** Writes who asks. */
export function writeNode(writer: WireWriter, node: XdsNode): void {
  const { id, region, zone, userAgentName = ISOBAR_USER_AGENT, userAgentVersion } = node;
  writer.string(1, id);
  if (region !== "" || zone !== "") writer.message(4, (place) => place.string(1, region).string(2, zone));
  writer.string(6, userAgentName).string(7, userAgentVersion);
}
