import type { Metadata } from "@grpc/grpc-js";
import type { PickRequest } from "../lb/picker.ts";
import type { AuthorityView, Destination } from "./authority-view.ts";
import type { HeaderReader } from "./call-headers.ts";
import { callHash } from "./call-headers.ts";
import type { CallHold } from "./call-hold.ts";
import type { EndpointConnection } from "./endpoint-connection.ts";

/** Endpoints of former attempts that are remembered. */
const MAX_TRIED = 8;

/** A call that waits for a connection to the endpoint it was picked for. */
export interface CallWait extends CallHold {
  readonly connection: EndpointConnection;
}

/**
 * One call of a program, all its attempts together: what decides where it goes. grpc-js hands it from the config selector to every pick
 * of the call, as its pick information.
 */
export class RoutedCall {
  /** Set while it waits in line. */
  wait: CallWait | undefined;
  readonly #view: AuthorityView;
  readonly #method: string;
  readonly #header: HeaderReader;
  readonly #self: string;
  #destination: Destination;
  #version: number;
  #hash = -1;
  #tried: number[] | undefined;

  /** @param method `/package.Service/Method`. @param self stands for this process where calls are told apart by their source. */
  constructor(view: AuthorityView, method: string, metadata: Metadata, self: string) {
    this.#view = view;
    this.#method = method;
    this.#header = (name) => headerOf(metadata, name);
    this.#self = self;
    this.#destination = view.destinationOf(method, this.#header);
    this.#version = view.version;
  }

  /** Where it goes as things are now. A call that has waited may go elsewhere than it would have. */
  get destination(): Destination {
    if (this.#version !== this.#view.version) {
      this.#version = this.#view.version;
      this.#destination = this.#view.destinationOf(this.#method, this.#header);
    }
    return this.#destination;
  }

  /** Makes the changes of headers that its route asks for. @param metadata of the call: its own copy. */
  changeHeaders(metadata: Metadata): void {
    const { destination } = this;
    const changes = destination.kind === "cluster" ? destination.route?.requestHeaders : undefined;
    if (changes === undefined || changes === null) return;
    // What it is kept together by is what the program sent.
    this.#hash = this.#makeHash();
    for (const name of changes.remove) metadata.remove(name);
    for (const [name, value] of Object.entries(changes.set)) metadata.set(name, value);
    for (const [name, value] of Object.entries(changes.add)) metadata.add(name, value);
  }

  /** Whether an attempt has been sent before. */
  get isAgain(): boolean {
    return this.#tried !== undefined;
  }

  /** Fills in what a pick may know. */
  describe(request: PickRequest): void {
    if (this.#hash < 0) this.#hash = this.#makeHash();
    request.hash = this.#hash;
    const tried = this.#tried;
    request.triedCount = 0;
    if (tried === undefined) return;
    for (const slot of tried) request.tried[request.triedCount++] = slot;
  }

  /** An attempt has been sent to the endpoint in that slot. */
  attempted(slot: number): void {
    this.#tried ??= [];
    if (this.#tried.length < MAX_TRIED) this.#tried.push(slot);
  }

  #makeHash(): number {
    if (this.#destination.kind !== "cluster") return 0;
    const { policy, hash } = this.#destination.cluster.snapshot.settings.loadBalancing;
    if (policy !== "ring_hash" && policy !== "maglev") return 0;
    return callHash(hash.keys, this.#method, this.#header, this.#self);
  }
}

function headerOf(metadata: Metadata, name: string): string | undefined {
  // What is binary has no text to compare.
  if (name.startsWith(":") || name.endsWith("-bin")) return undefined;
  const values = metadata.get(name);
  return values.length === 0 ? undefined : values.join(name === "cookie" ? "; " : ",");
}
