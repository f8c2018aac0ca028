import { hashOctets, mixBits } from "../base/hash-octets.ts";
import type { CallerKey } from "../resource/route.ts";
import { findCookie, found } from "./cookie-value.ts";
import type { HeaderNames } from "./header-names.ts";
import type { HeaderView } from "./header-view.ts";

/** What {@link StickyKey.hash} returns where a request has nothing to be known by. */
export const NO_HASH = -1;

/** What keeps a caller on its side of a split: a header, a cookie, or its address. */
export class StickyKey {
  /** -1: the address counts. */
  readonly #header: number;
  readonly #cookie: Uint8Array | undefined;

  constructor(key: CallerKey, names: HeaderNames) {
    this.#header =
      key.kind === "header" ? names.add(key.name) : key.kind === "cookie" ? names.add("cookie") : -1;
    this.#cookie = key.kind === "cookie" ? Buffer.from(key.name, "latin1") : undefined;
  }

  /** @param source the caller's address. @returns unsigned 32 bits, or {@link NO_HASH}. */
  hash(view: HeaderView, source: string): number {
    if (this.#header < 0) return source === "" ? NO_HASH : hashText(source);
    const length = view.decode(this.#header);
    if (length < 0) return NO_HASH;
    const at = view.valueAt[this.#header]!;
    if (this.#cookie === undefined) return hashOctets(view.bytes, at, length);
    const cookieLength = findCookie(view.bytes, at, length, this.#cookie);
    return cookieLength < 0 ? NO_HASH : hashOctets(view.bytes, found.at, cookieLength);
  }
}

/** As hashOctets, of a text in ASCII. */
function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return mixBits(hash);
}
