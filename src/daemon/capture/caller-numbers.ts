import { CallerClasses } from "../../proxy/callers/caller-classes.ts";
import type { NumberedCaller } from "../../proxy/callers/numbered-caller.ts";
import type { Caller } from "../../resource/caller.ts";
import type { SourceNames } from "../../telemetry/source-names.ts";

/** The pods of the node with the numbers of their namespaces. */
export interface NumberedCallers {
  readonly callers: readonly NumberedCaller[];
  /** Classes that nobody is in any more, or that are another namespace's from now on (caller-classes.ts). */
  readonly leftClasses: readonly number[];
}

/** Gives callers' namespaces their numbers, for all workers. */
export class CallerNumbers {
  readonly #classes = new CallerClasses();
  readonly #sources: SourceNames;

  constructor(sources: SourceNames) {
    this.#sources = sources;
  }

  /**
   * Makes these the pods of the node.
   *
   * @param doubted pods that may be there all the same: as long as their connections stand, nobody else is to have their class. Default: none.
   */
  apply(callers: readonly Caller[], doubted: readonly Caller[] = []): NumberedCallers {
    const namespaces = [...callers, ...doubted].map(({ namespace }) => namespace);
    const leftClasses = this.#classes.keep(new Set(namespaces));
    const numbered = callers.map((caller) => ({
      ...caller,
      callerClass: this.#classes.of(caller.namespace),
      source: this.#sources.numberOf(caller.namespace),
    }));
    return { callers: numbered, leftClasses };
  }
}
