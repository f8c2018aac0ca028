import { hash } from "node:crypto";
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

/** A resource as it is sent, for SotW and for delta, made once for everybody who is given it. What it says never changes. */
export class EncodedResource {
  readonly name: string;
  /**
   * Names the content: equal octets have equal versions, in every process. 16 hexadecimal digits. Whether it is meant is no part of that: replicas
   * that have seen another history say the same.
   */
  readonly version: string;
  /** The resource as google.protobuf.Any; a part of {@link inDelta} once that is made, so that it is not kept twice. */
  #any: Buffer;
  #inDelta: Buffer | undefined;
  #inSotw: Buffer | undefined;

  readonly #deliberate: boolean;

  /**
   * @param octets of the resource's own message.
   * @param deliberate whether proxies of ours are told that this is meant, however little it is; in delta only.
   */
  constructor(type: TypeUrl, name: string, octets: Uint8Array, deliberate = false) {
    this.name = name;
    this.#deliberate = deliberate;
    this.version = hash("sha256", octets, "hex").slice(0, 16);
    this.#any = new WireWriter().string(1, type).octets(2, octets).finish();
  }

  /** Octets of the resource alone, without its version. */
  get size(): number {
    return this.#any.length;
  }

  /** Field `resources` of a DiscoveryResponse. */
  get inSotw(): Buffer {
    this.#inSotw ??= new WireWriter().octets(2, this.#any).finish();
    return this.#inSotw;
  }

  /** Field `resources` of a DeltaDiscoveryResponse. */
  get inDelta(): Buffer {
    if (this.#inDelta === undefined) {
      const size = this.#any.length;
      const inDelta = new WireWriter()
        .message(2, (resource) => {
          resource.string(3, this.name).string(1, this.version);
          if (this.#deliberate) resource.octets(9, DELIBERATE);
          resource.octets(2, this.#any);
        })
        .finish();
      // It is the last field of the last message.
      this.#any = inDelta.subarray(inDelta.length - size);
      this.#inDelta = inDelta;
    }
    return this.#inDelta;
  }
}
