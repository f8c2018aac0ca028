import type { RawResource } from "../resources/delta-response.ts";
import type { Decoded } from "../resources/resource-problem.ts";
import type { TypeUrl } from "../resources/type-url.ts";
import type { ResourceEntry } from "./resource-entry.ts";

/** How one type of resources is understood. */
export interface ResourceKind {
  readonly typeUrl: TypeUrl;
  readonly decode: (octets: Uint8Array) => Decoded<unknown>;
  /** @returns the name within the resource, which has to be that it was asked for by. */
  readonly nameOf: (value: never) => string;
  /** Its values are many objects and used once, when they have come: the octets are kept, of which they can be made again. Default: not. */
  readonly isLarge?: boolean;
}

/** What a {@link ResourceTable} needs to know before it exists. */
export interface ResourceTableOptions {
  readonly kind: ResourceKind;
  /** Whether the octets of resources are kept beside what they mean. */
  readonly keepOctets: boolean;
  /** Told of everything that changes what is known of a resource. */
  readonly onChange: (entry: ResourceEntry) => void;
}

class Entry implements ResourceEntry {
  readonly typeUrl: TypeUrl;
  readonly name: string;
  state: ResourceEntry["state"] = "asked";
  version = "";
  problem = "";
  deliberate = false;
  fromDisk = false;
  /** How many have asked for it. */
  users = 1;
  /** When it was asked for on the present stream; NaN while it was not. */
  askedMs = Number.NaN;
  #value: unknown;
  /** An octet a character, so that they lie in the heap: thousands of small ArrayBuffers take more beside their octets than these are. */
  #octets: string | undefined;
  /** Of a large one. */
  #weakValue: WeakRef<object> | undefined;
  readonly #kind: ResourceKind;

  constructor(kind: ResourceKind, name: string) {
    this.typeUrl = kind.typeUrl;
    this.name = name;
    this.#kind = kind;
  }

  /** A copy. */
  get octets(): Uint8Array | undefined {
    return this.#octets === undefined ? undefined : Buffer.from(this.#octets, "latin1");
  }

  get value(): unknown {
    if (this.#weakValue === undefined) return this.#value;
    let value = this.#weakValue.deref();
    if (value === undefined) {
      value = this.#kind.decode(this.octets!).value as object;
      this.#weakValue = new WeakRef(value);
    }
    return value;
  }

  /** @param octets what it was decoded from; undefined where they are not kept. */
  take(value: unknown, octets: Uint8Array | undefined, version: string): void {
    this.state = "present";
    this.version = version;
    // A copy, too: what came is a part of a message, and what the disk has one piece, which would be kept whole.
    this.#octets =
      octets && Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength).toString("latin1");
    const isWeak = this.#kind.isLarge === true && octets !== undefined;
    this.#weakValue = isWeak ? new WeakRef(value as object) : undefined;
    this.#value = isWeak ? undefined : value;
  }

  forget(): void {
    this.state = "absent";
    this.version = "";
    this.#octets = undefined;
    this.problem = "";
    this.deliberate = false;
    this.fromDisk = false;
    this.#value = undefined;
    this.#weakValue = undefined;
  }
}

/** The resources of one type that are subscribed to, with what is known of each. It knows no stream. */
export class ResourceTable {
  readonly typeUrl: TypeUrl;
  readonly #options: ResourceTableOptions;
  readonly #entries = new Map<string, Entry>();

  constructor(options: ResourceTableOptions) {
    this.#options = options;
    this.typeUrl = options.kind.typeUrl;
  }

  /** Names that are subscribed to. */
  get names(): Iterable<string> {
    return this.#entries.keys();
  }

  get size(): number {
    return this.#entries.size;
  }

  get entries(): Iterable<ResourceEntry> {
    return this.#entries.values();
  }

  get(name: string): ResourceEntry | undefined {
    return this.#entries.get(name);
  }

  /** One more wants it. @returns whether it is new. */
  add(name: string): boolean {
    const known = this.#entries.get(name);
    if (known !== undefined) {
      known.users++;
      return false;
    }
    this.#entries.set(name, new Entry(this.#options.kind, name));
    return true;
  }

  /** One less wants it. @returns whether nobody does any more, and it was forgotten. */
  delete(name: string): boolean {
    const entry = this.#entries.get(name);
    if (entry === undefined || --entry.users > 0) return false;
    this.#entries.delete(name);
    return true;
  }

  /** Takes what the disk has of a resource that was {@link add}ed. @returns why it is of no use, "" when it is. */
  restore(name: string, version: string, octets: Uint8Array): string {
    const entry = this.#entries.get(name);
    if (entry === undefined) return "";
    const { value, problem } = this.#decode(name, octets);
    if (problem !== undefined) return problem;
    entry.take(value, octets, version);
    entry.fromDisk = true;
    this.#options.onChange(entry);
    return "";
  }

  /** Takes a resource that came. What is not subscribed to is left alone. @returns why it is refused, "" when it is not. */
  receive(resource: RawResource): string {
    const entry = this.#entries.get(resource.name);
    if (entry === undefined) return "";
    if (resource.typeUrl === "") {
      this.remove(resource.name);
      return "";
    }
    const { value, problem } =
      resource.typeUrl === this.typeUrl
        ? this.#decode(resource.name, resource.octets)
        : { value: undefined, problem: `found type ${resource.typeUrl}, wanted ${this.typeUrl}` };
    if (problem !== undefined) {
      entry.problem = `${resource.name} version ${resource.version}: ${problem}`;
      // What was never good counts as missing, so that nobody waits for it.
      if (entry.state === "asked") entry.state = "absent";
      this.#options.onChange(entry);
      return entry.problem;
    }
    const { keepOctets, kind } = this.#options;
    const octets = keepOctets || kind.isLarge === true ? resource.octets : undefined;
    entry.take(value, octets, resource.version);
    entry.problem = "";
    entry.deliberate = resource.deliberate;
    entry.fromDisk = false;
    this.#options.onChange(entry);
    return "";
  }

  /** The resource does not exist. */
  remove(name: string): void {
    const entry = this.#entries.get(name);
    if (entry === undefined) return;
    entry.forget();
    this.#options.onChange(entry);
  }

  /** @returns names that the present stream has not been asked for. */
  unasked(): string[] {
    return [...this.#entries.values()].filter(({ askedMs }) => Number.isNaN(askedMs)).map(({ name }) => name);
  }

  /** These were asked for on a stream. */
  asked(names: Iterable<string>, nowMs: number): void {
    for (const name of names) {
      const entry = this.#entries.get(name);
      if (entry !== undefined) entry.askedMs = nowMs;
    }
  }

  /** The stream has ended: nothing is asked for on it any more. */
  streamEnded(): void {
    for (const entry of this.#entries.values()) entry.askedMs = Number.NaN;
  }

  /**
   * Comes to conclusions from silence.
   *
   * @param absentMs what was asked for before and has not come does not exist.
   * @param confirmedMs what the disk had, was asked for before, and was not contradicted is so still.
   */
  settle(absentMs: number, confirmedMs: number): void {
    for (const entry of this.#entries.values()) {
      if (entry.state === "asked" && entry.askedMs <= absentMs) {
        entry.state = "absent";
        this.#options.onChange(entry);
      } else if (entry.fromDisk && entry.askedMs <= confirmedMs) {
        entry.fromDisk = false;
        this.#options.onChange(entry);
      }
    }
  }

  #decode(name: string, octets: Uint8Array): Decoded<unknown> {
    const { decode, nameOf } = this.#options.kind;
    const decoded = decode(octets);
    if (decoded.problem !== undefined) return decoded;
    const found = nameOf(decoded.value as never);
    return found === name ? decoded : { problem: `found the name "${found}" within it, wanted "${name}"` };
  }
}
