import type { HeaderMatch } from "../resource/route.ts";
import type { HeaderNames } from "./header-names.ts";
import type { HeaderView } from "./header-view.ts";

const Kind = { exact: 0, prefix: 1, present: 2, absent: 3 } as const;

/** One {@link HeaderMatch}, made for looking. */
export class HeaderCondition {
  readonly #header: number;
  readonly #kind: number;
  readonly #octets: Uint8Array;

  constructor(match: HeaderMatch, names: HeaderNames) {
    this.#header = names.add(match.name);
    this.#kind = Kind[match.kind];
    this.#octets = Buffer.from(match.value, "latin1");
  }

  holds(view: HeaderView): boolean {
    const kind = this.#kind;
    if (kind === Kind.present) return view.has(this.#header);
    if (kind === Kind.absent) return !view.has(this.#header);
    const length = view.decode(this.#header);
    const octets = this.#octets;
    if (kind === Kind.exact ? length !== octets.length : length < octets.length) return false;
    const { bytes } = view;
    const at = view.valueAt[this.#header]!;
    for (let i = 0; i < octets.length; i++) if (bytes[at + i] !== octets[i]) return false;
    return true;
  }
}
