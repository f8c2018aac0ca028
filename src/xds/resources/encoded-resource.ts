import { hash } from "node:crypto";
import { BackwardWriter } from "./backward-writer.ts";
import type { TypeUrl } from "./type-url.ts";
import { ISOBAR_METADATA } from "./type-url.ts";
import { WireWriter } from "./wire-writer.ts";

/** envoy.config.core.v3.Metadata: { filter_metadata: { isobar: { deliberate: true } } }. */
const DELIBERATE = new WireWriter()
  .message(1, (entry) =>
    entry
      .string(1, ISOBAR_METADATA)
      .message(2, (struct) =>
        struct.message(1, (field) => field.string(1, "deliberate").message(2, (value) => value.number(4, 1))),
      ),
  )
  .finish();

const RESOURCES_FIELD = 2;
const writer = new BackwardWriter();

/** A resource as it is sent, for SotW and for delta, made once for everybody who is given it. What it says never changes. */
export class EncodedResource {
  readonly name: string;
  /**
   * Names the content: equal octets have equal versions, in every process. 16 hexadecimal digits. Whether it is meant is no part of that: replicas
   * that have seen another history say the same.
   */
  readonly version: string;
  /** Field `resources` of a DeltaDiscoveryResponse. */
  readonly inDelta: Buffer;
  readonly #octetsInSotw: number;

  /**
   * @param octets of the resource's own message.
   * @param deliberate whether proxies of ours are told that this is meant, however little it is; in delta only.
   */
  constructor(type: TypeUrl, name: string, octets: Uint8Array, deliberate = false) {
    this.name = name;
    this.version = hash("sha256", octets, "buffer").toString("hex", 0, 8);
    // google.protobuf.Any.
    writer.octets(2, octets);
    writer.text(1, type);
    writer.message(RESOURCES_FIELD, 0);
    this.#octetsInSotw = writer.written;
    if (deliberate) writer.octets(9, DELIBERATE);
    writer.text(1, this.version);
    writer.text(3, name);
    writer.message(RESOURCES_FIELD, 0);
    this.inDelta = writer.finish();
  }

  /** Octets of the resource alone, without its version. */
  get size(): number {
    return this.#octetsInSotw;
  }

  /** Field `resources` of a DiscoveryResponse: the end of the other, because the Any has the same number in a Resource as resources have here. */
  get inSotw(): Buffer {
    return this.inDelta.subarray(this.inDelta.length - this.#octetsInSotw);
  }
}
