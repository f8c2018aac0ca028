import { decodeMetadata } from "./decode-struct.ts";
import type { Decoded } from "./resource-problem.ts";
import { decodeGuarded } from "./resource-problem.ts";
import { ISOBAR_METADATA } from "./type-url.ts";
import { WireReader } from "./wire-reader.ts";

/** One resource in an answer of the control plane, not decoded. */
export interface RawResource {
  readonly name: string;
  readonly version: string;
  /** Type of {@link octets}; "" where the control plane sent no resource with the name. */
  readonly typeUrl: string;
  readonly octets: Uint8Array;
  /** The control plane says that the resource is meant to be as empty as it is. */
  readonly deliberate: boolean;
}

/** An envoy.service.discovery.v3.DeltaDiscoveryResponse. */
export interface DeltaResponse {
  readonly typeUrl: string;
  readonly nonce: string;
  readonly resources: readonly RawResource[];
  /** Names of resources that do not exist (any more). */
  readonly removed: readonly string[];
  /** What the control plane calls itself; "" where it does not. */
  readonly controlPlane: string;
}

const METADATA_KEYS = [ISOBAR_METADATA];

/** Decodes an answer without copying its resources: their octets are within the message. */
export function decodeDeltaResponse(message: Uint8Array): Decoded<DeltaResponse> {
  return decodeGuarded("DeltaDiscoveryResponse", () => {
    const reader = new WireReader(message);
    const resources: RawResource[] = [];
    const removed: string[] = [];
    let typeUrl = "";
    let nonce = "";
    let controlPlane = "";
    while (reader.next()) {
      switch (reader.field) {
        case 2:
          resources.push(decodeResource(reader));
          break;
        case 4:
          typeUrl = reader.string();
          break;
        case 5:
          nonce = reader.string();
          break;
        case 6:
          removed.push(reader.string());
          break;
        case 7:
          controlPlane = decodeIdentifier(reader);
          break;
        default:
          reader.skip();
      }
    }
    return { typeUrl, nonce, resources, removed, controlPlane };
  });
}

function decodeResource(reader: WireReader): RawResource {
  let name = "";
  let version = "";
  let typeUrl = "";
  let octets: Uint8Array = new Uint8Array();
  let deliberate = false;
  reader.enter();
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        version = reader.string();
        break;
      case 2:
        ({ typeUrl, octets } = decodeAny(reader));
        break;
      case 3:
        name = reader.string();
        break;
      case 9:
        deliberate = decodeMetadata(reader, METADATA_KEYS)[ISOBAR_METADATA]?.["deliberate"] === true;
        break;
      default:
        reader.skip();
    }
  }
  reader.leave();
  return { name, version, typeUrl, octets, deliberate };
}

function decodeAny(reader: WireReader): { typeUrl: string; octets: Uint8Array } {
  let typeUrl = "";
  let octets: Uint8Array = new Uint8Array();
  reader.enter();
  while (reader.next()) {
    if (reader.field === 1) typeUrl = reader.string();
    else if (reader.field === 2) octets = reader.octets();
    else reader.skip();
  }
  reader.leave();
  return { typeUrl, octets };
}

/** The name in an envoy.config.core.v3.ControlPlane. */
function decodeIdentifier(reader: WireReader): string {
  let identifier = "";
  reader.enter();
  while (reader.next()) {
    if (reader.field === 1) identifier = reader.string();
    else reader.skip();
  }
  reader.leave();
  return identifier;
}
