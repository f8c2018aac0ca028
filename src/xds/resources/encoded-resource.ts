import { hash } from "node:crypto";
import type { TypeUrl } from "./type-url.ts";
import { WireWriter } from "./wire-writer.ts";

/** A resource as it is sent, for SotW and for delta, made once for everybody who is given it. What it says never changes. */
export class EncodedResource {
  readonly name: string;
  /** Names the content: equal octets have equal versions, in every process. 16 hexadecimal digits. */
  readonly version: string;
  /** The resource as google.protobuf.Any; a part of {@link inDelta} once that is made, so that it is not kept twice. */
  #any: Buffer;
  #inDelta: Buffer | undefined;
  #inSotw: Buffer | undefined;

  /** @param octets of the resource's own message. */
  constructor(type: TypeUrl, name: string, octets: Uint8Array) {
    this.name = name;
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
        .message(2, (resource) => resource.string(3, this.name).string(1, this.version).octets(2, this.#any))
        .finish();
      // It is the last field of the last message.
      this.#any = inDelta.subarray(inDelta.length - size);
      this.#inDelta = inDelta;
    }
    return this.#inDelta;
  }
}
