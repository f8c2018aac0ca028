import { fromBinary } from "@bufbuild/protobuf";
import type { Node } from "../generated/envoy/config/core/v3/base_pb.js";
import { NodeSchema } from "../generated/envoy/config/core/v3/base_pb.js";
import { WireReader } from "../resources/wire-reader.ts";

/** What both forms of a request have. */
interface AnyRequest {
  typeUrl: string;
  /** In the first request of a stream. */
  node: Node | undefined;
  responseNonce: string;
  /** Why the response is refused; undefined if it is not. */
  refusal: string | undefined;
}

/** envoy.service.discovery.v3.DiscoveryRequest. */
export interface SotwRequest extends AnyRequest {
  versionInfo: string;
  readonly resourceNames: string[];
}

/** envoy.service.discovery.v3.DeltaDiscoveryRequest. */
export interface DeltaRequest extends AnyRequest {
  readonly subscribe: string[];
  readonly unsubscribe: string[];
  readonly initialVersions: [name: string, version: string][];
}

/**
 * Reads requests field by field: most of them are answers, and a thousand clients answer every push.
 *
 * @throws WireError or another error when the octets are no such message.
 */
export function decodeSotwRequest(octets: Uint8Array): SotwRequest {
  const request: SotwRequest = { ...NOTHING, versionInfo: "", resourceNames: [] };
  const reader = new WireReader(octets);
  while (reader.next()) {
    if (reader.field === 1) request.versionInfo = reader.string();
    else if (reader.field === 2) request.node = fromBinary(NodeSchema, reader.octets());
    else if (reader.field === 3) request.resourceNames.push(reader.string());
    else if (reader.field === 4) request.typeUrl = reader.string();
    else if (reader.field === 5) request.responseNonce = reader.string();
    else if (reader.field === 6) request.refusal = messageOf(reader);
    else reader.skip();
  }
  return request;
}

/** As {@link decodeSotwRequest}. */
export function decodeDeltaRequest(octets: Uint8Array): DeltaRequest {
  const request: DeltaRequest = { ...NOTHING, subscribe: [], unsubscribe: [], initialVersions: [] };
  const reader = new WireReader(octets);
  while (reader.next()) {
    if (reader.field === 1) request.node = fromBinary(NodeSchema, reader.octets());
    else if (reader.field === 2) request.typeUrl = reader.string();
    else if (reader.field === 3) request.subscribe.push(reader.string());
    else if (reader.field === 4) request.unsubscribe.push(reader.string());
    else if (reader.field === 5) request.initialVersions.push(versionOf(reader));
    else if (reader.field === 6) request.responseNonce = reader.string();
    else if (reader.field === 7) request.refusal = messageOf(reader);
    else reader.skip();
  }
  return request;
}

const NOTHING: AnyRequest = { typeUrl: "", node: undefined, responseNonce: "", refusal: undefined };

/** google.rpc.Status. */
function messageOf(reader: WireReader): string {
  let message = "";
  reader.enter();
  while (reader.next()) {
    if (reader.field === 2) message = reader.string();
    else reader.skip();
  }
  reader.leave();
  return message;
}

/** An entry of a map of texts. */
function versionOf(reader: WireReader): [name: string, version: string] {
  const entry: [string, string] = ["", ""];
  reader.enter();
  while (reader.next()) {
    if (reader.field === 1) entry[0] = reader.string();
    else if (reader.field === 2) entry[1] = reader.string();
    else reader.skip();
  }
  reader.leave();
  return entry;
}
