import type { TransformCallback } from "node:stream";
import { Transform } from "node:stream";

const ALPHABET = /^[A-Za-z0-9+/]*$/;
const QUAD = 4;

/**
 * Decodes base64 that comes in pieces cut anywhere, and that may be several padded encodings one after the other. Source:
 * grpc/grpc doc/PROTOCOL-WEB.md, "base64-encoded chunks with potential padding whenever the runtime needs to flush".
 * Characters that are not base64, and an end in the middle of four, are an error: what they hide is not passed on.
 */
export class Base64Decoder extends Transform {
  #rest = "";

  override _transform(chunk: Buffer, _: BufferEncoding, done: TransformCallback): void {
    const text = this.#rest + chunk.toString("latin1");
    const whole = text.length - (text.length % QUAD);
    this.#rest = text.slice(whole);
    const parts: Buffer[] = [];
    for (let at = 0; at < whole; ) {
      const padding = text.indexOf("=", at);
      const end = padding < 0 || padding >= whole ? whole : padding - (padding % QUAD) + QUAD;
      const segment = text.slice(at, end);
      if (!isSegment(segment)) {
        done(new Error("the body is not base64"));
        return;
      }
      parts.push(Buffer.from(segment, "base64"));
      at = end;
    }
    done(null, parts.length === 1 ? parts[0] : Buffer.concat(parts));
  }

  override _flush(done: TransformCallback): void {
    done(this.#rest === "" ? null : new Error("the body ends within four characters of base64"));
  }
}

/** @param segment a multiple of four characters; padding can be in the last four only. */
function isSegment(segment: string): boolean {
  const pads = segment.endsWith("==") ? 2 : segment.endsWith("=") ? 1 : 0;
  return ALPHABET.test(segment.slice(0, segment.length - pads));
}
