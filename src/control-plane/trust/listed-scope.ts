import type { StreamScope } from "../../xds/server/admission.ts";

const SERVICE = /^([^.]+)\.([^.:]+):\d+$/;

/** What was written down for a client. */
export class ListedScope implements StreamScope {
  readonly isKnown = true;
  readonly key: string;
  readonly #patterns: ReadonlySet<string>;

  /** @param services `*`, `namespace/*`, `namespace/name`, or canonical names. */
  constructor(services: readonly string[]) {
    this.#patterns = new Set(services);
    this.key = `listed ${[...this.#patterns].sort().join(" ")}`;
  }

  mayCall(service: string): boolean {
    if (this.#patterns.has("*") || this.#patterns.has(service)) return true;
    const [, name = "", namespace = ""] = SERVICE.exec(service) ?? [];
    return this.#patterns.has(`${namespace}/*`) || this.#patterns.has(`${namespace}/${name}`);
  }
}
