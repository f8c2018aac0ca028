import type { DeltaRequest, XdsNode } from "../resources/delta-request.ts";
import { encodeDeltaRequest } from "../resources/delta-request.ts";
import { decodeDeltaResponse } from "../resources/delta-response.ts";
import type { TypeUrl } from "../resources/type-url.ts";
import { CONTROL_PLANE_IDENTIFIER, TYPE_URL } from "../resources/type-url.ts";
import type { ResourceTable } from "./resource-table.ts";

/** Longest text of a refusal: a control plane may have thousands of broken resources. */
const MAX_PROBLEM_LENGTH = 2000;
/** A listener that nobody has: whoever is asked for it says so, and who it is. */
const GREETING = "isobar.greeting";

/** What a {@link DeltaStream} works with. */
export interface DeltaStreamOptions {
  readonly node: XdsNode;
  /** In the order in which they are asked for. */
  readonly tables: readonly ResourceTable[];
  /** Of resources of our own: asked for when the control plane has said that it is one of ours. */
  readonly ownTables: readonly ResourceTable[];
  /** Whether to find out at once if it is one of ours, even if nothing else is wanted. Default: not. */
  readonly greets?: boolean;
  readonly send: (request: Buffer) => void;
  readonly nowMs: () => number;
  /** Told of every answer. @param problem why it is refused, "" when it is not. */
  readonly onAnswer: (typeUrl: string, problem: string) => void;
}

/** One stream of the incremental protocol: says what is wanted, takes answers, and acknowledges them. Knows no connection. */
export class DeltaStream {
  readonly #options: DeltaStreamOptions;
  /** Names that this stream has asked for; a type that it has not asked for anything of is not in it. */
  readonly #asked = new Map<TypeUrl, Set<string>>();
  #greeted = false;
  #isOurs = false;
  #flushing = false;
  #ended = false;

  constructor(options: DeltaStreamOptions) {
    this.#options = options;
  }

  /**
   * Asks for all that is wanted, with the versions that are known. Where the control plane has nothing newer it says nothing, and what is wanted of
   * our own would never be asked for: then it is greeted.
   */
  begin(): void {
    const { tables, ownTables, greets = false } = this.#options;
    const isAnswered = tables.map((table) => this.#subscribe(table)).includes(true);
    const hasAsked = this.#greeted && ownTables.some(({ size }) => size > 0);
    if (!isAnswered && (greets || hasAsked))
      this.#send({ typeUrl: TYPE_URL.listener, subscribe: [GREETING] });
  }

  /** What is wanted has changed; requests go out when the present task ends, so that many changes are one. */
  changed(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      if (!this.#ended) for (const table of this.#tables) this.#subscribe(table);
    });
  }

  /** Takes an answer. @returns why the stream is to be given up, "" when it goes on. */
  receive(message: Uint8Array): string {
    const { onAnswer } = this.#options;
    const { value: response, problem: malformed } = decodeDeltaResponse(message);
    if (response === undefined) return malformed;
    const { typeUrl, nonce, controlPlane } = response;
    if (controlPlane === CONTROL_PLANE_IDENTIFIER && !this.#isOurs) {
      this.#isOurs = true;
      this.changed();
    }
    const table = this.#tables.find((each) => each.typeUrl === typeUrl);
    let problem = `found resources of type "${typeUrl}", which were not asked for`;
    if (table !== undefined) {
      problem = "";
      for (const resource of response.resources) {
        const refused = table.receive(resource);
        if (refused !== "" && problem.length < MAX_PROBLEM_LENGTH) problem += (problem && "; ") + refused;
      }
      for (const name of response.removed) table.remove(name);
    }
    const told = problem === "" ? undefined : problem.slice(0, MAX_PROBLEM_LENGTH);
    this.#send({ typeUrl, nonce, problem: told });
    onAnswer(typeUrl, problem);
    return "";
  }

  /** Nothing is sent any more. */
  end(): void {
    this.#ended = true;
    const { tables, ownTables } = this.#options;
    for (const table of [...tables, ...ownTables]) table.streamEnded();
  }

  get #tables(): readonly ResourceTable[] {
    const { tables, ownTables } = this.#options;
    return this.#isOurs ? [...tables, ...ownTables] : tables;
  }

  /** @returns whether that is certainly answered: something is asked for that is not known. */
  #subscribe(table: ResourceTable): boolean {
    const known = this.#asked.get(table.typeUrl);
    const asked = known ?? new Set<string>();
    const wanted = new Set(table.names);
    // One that was forgotten and is wanted again is asked for once more: that makes the control plane send it.
    const subscribe = table.unasked();
    const unsubscribe = [...asked].filter((name) => !wanted.has(name));
    if (subscribe.length === 0 && unsubscribe.length === 0) return false;
    const initialVersions = new Map<string, string>();
    if (known === undefined) {
      this.#asked.set(table.typeUrl, asked);
      for (const name of subscribe) {
        const version = table.get(name)?.version ?? "";
        if (version !== "") initialVersions.set(name, version);
      }
    }
    for (const name of subscribe) asked.add(name);
    for (const name of unsubscribe) asked.delete(name);
    table.asked(subscribe, this.#options.nowMs());
    this.#send({ typeUrl: table.typeUrl, subscribe, unsubscribe, initialVersions });
    return initialVersions.size < subscribe.length;
  }

  #send(request: Omit<DeltaRequest, "node">): void {
    const node = this.#greeted ? undefined : this.#options.node;
    this.#greeted = true;
    this.#options.send(encodeDeltaRequest({ node, ...request }));
  }
}
