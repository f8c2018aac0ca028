import { isIP } from "node:net";
import type { RequestNames } from "../authorities/request-names.ts";
import type { ProxyContext } from "../proxy-context.ts";
import { KnownName } from "./known-name.ts";
import type { RenamedRequest } from "./renamed-request.ts";
import type { RequestScope } from "./request-scope.ts";

/** Short names of one namespace that are remembered; further ones are read each time. */
const MOST_NAMES = 256;
const LONGEST_SHORT_OCTETS = 63 + 1 + 5;
const SHORT = /^([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)((?::[0-9]{1,5})?)$/;

/** @returns `svc` or `svc:port` with the caller's namespace, as its resolver would read it; anything else as it is. */
export function expandShortName(authority: string, namespace: string): string {
  const lower = authority.toLowerCase();
  const match = SHORT.exec(lower);
  if (match === null || match[1] === "localhost" || isIP(match[1]!) !== 0) return authority;
  return `${match[1]}.${namespace}${match[2]}`;
}

/**
 * Requests of connections to the node's own address: their `:authority` selects the service, where a name of one label is one of the caller's
 * namespace, never of another's. Names that are interned, nearly all, cost two reads.
 */
export class ShortNames implements RequestScope {
  readonly change = undefined;
  readonly namespace: string;
  readonly #context: ProxyContext;
  readonly #renamed: RenamedRequest;
  readonly #names = new Map<string, KnownName>();
  /** By intern id of the authority: its generation, and the full name; undefined for one that is not short. */
  readonly #generations: number[] = [];
  readonly #byIntern: (KnownName | undefined)[] = [];

  constructor(context: ProxyContext, renamed: RenamedRequest, namespace: string) {
    this.#context = context;
    this.#renamed = renamed;
    this.namespace = namespace;
  }

  names(request: RequestNames): RequestNames {
    const id = request.authorityIntern;
    const generation = this.#context.engine.pool.generation[id]!;
    let name: KnownName | undefined;
    if (id > 0 && this.#generations[id] === generation) name = this.#byIntern[id];
    else {
      name = this.#find(request);
      if (id > 0) {
        this.#generations[id] = generation;
        this.#byIntern[id] = name;
      }
    }
    return name === undefined ? request : this.#renamed.of(request, name);
  }

  /** Gives back what it has of the memory of all; connections that stand go on. */
  release(): void {
    for (const name of this.#names.values()) name.release();
    this.#names.clear();
  }

  #find(request: RequestNames): KnownName | undefined {
    if (!request.hasAuthority || request.authorityLength > LONGEST_SHORT_OCTETS) return undefined;
    const { replyScratch, engine } = this.#context;
    const length = request.readAuthority(replyScratch);
    const text = engine.slab.bytes.toString("latin1", replyScratch, replyScratch + length);
    const full = expandShortName(text, this.namespace);
    if (full === text) return undefined;
    let name = this.#names.get(full);
    if (name === undefined) {
      name = new KnownName(this.#context, full);
      this.#names.set(full, name);
      if (this.#names.size > MOST_NAMES) this.#forgetFirst();
    }
    return name;
  }

  /** Its id goes back to the pool; whoever has it by an intern id reads the text, which stays right. */
  #forgetFirst(): void {
    for (const [text, name] of this.#names) {
      this.#names.delete(text);
      name.release();
      return;
    }
  }
}
