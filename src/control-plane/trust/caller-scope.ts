import type { StreamScope } from "../../xds/server/admission.ts";
import type { CallRules } from "./call-rules.ts";

/** What Pods of some namespaces may call, as far as it is known which these are. */
export class CallerScope implements StreamScope {
  readonly #rules: CallRules;
  readonly node: string | undefined;
  /** undefined: not known yet. */
  #callers: ReadonlySet<string> | undefined;
  /** Rules have no version; this one is another after each change. */
  #revision = 0;

  /** @param node that a proxy is of; undefined for other clients. */
  constructor(rules: CallRules, node?: string) {
    this.#rules = rules;
    this.node = node;
  }

  get isKnown(): boolean {
    return this.#callers !== undefined;
  }

  get key(): string {
    return `from ${[...(this.#callers ?? [])].join(",")} ${this.#revision}`;
  }

  mayCall(service: string): boolean {
    return this.#callers !== undefined && this.#rules.mayCall(this.#callers, service);
  }

  /** @returns whether that made a difference. */
  set(callers: ReadonlySet<string>): boolean {
    const known = this.#callers;
    this.#callers = callers;
    return known?.size !== callers.size || [...callers].some((caller) => !known.has(caller));
  }

  /** The rules are others. */
  rulesChanged(): void {
    this.#revision++;
  }
}
