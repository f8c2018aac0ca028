import type { SpecPart } from "./annotations.ts";
import { joinParts, readAnnotations } from "./annotations.ts";
import { compilePolicySpec } from "./compile-policy-spec.ts";
import type { Problem } from "./problem.ts";
import type { ServiceOverrides } from "./service-overrides.ts";

/** What annotations of one object come to. */
interface Known {
  readonly uid: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly parts: ReadonlyMap<string, SpecPart>;
  readonly problems: readonly Problem[];
}

interface Annotated {
  readonly uid: string;
  readonly annotations: Readonly<Record<string, string>>;
}

const NOTHING: ReadonlyMap<string, SpecPart> = new Map();
/** Different sets of annotations whose meaning is remembered; most Services have none. */
const MOST_COMPILED = 1_000;

/**
 * What annotations say, of Namespaces for all their Services and of Services for themselves. An annotation that turns bad keeps saying
 * what it last said when it was good, until it is mended or taken away.
 */
export class AnnotationBook {
  readonly #known = new Map<string, Known>();
  readonly #compiled = new Map<string, { overrides: ServiceOverrides; problems: readonly Problem[] }>();

  /** Forgets an object that is gone. @param key tells the object from all others, whatever its kind. */
  forget(key: string): void {
    this.#known.delete(key);
  }

  /** @returns what is wrong with an object's annotations. */
  problemsOf(key: string, object: Annotated): readonly Problem[] {
    return this.#read(key, object).problems;
  }

  /**
   * @param objects from the most general to the most special one, which counts where two say the same.
   * @returns what they say together, and what goes wrong only together.
   */
  overridesOf(objects: readonly { readonly key: string; readonly object: Annotated }[]): {
    readonly overrides: ServiceOverrides;
    readonly problems: readonly Problem[];
  } {
    const parts = objects.flatMap(({ key, object }) => [...this.#read(key, object).parts.values()]);
    if (parts.length === 0) return { overrides: {}, problems: [] };
    const joined = joinParts(parts);
    const text = JSON.stringify(joined);
    let compiled = this.#compiled.get(text);
    if (compiled === undefined) {
      const { overrides, problems } = compilePolicySpec(joined);
      compiled = { overrides: overrides ?? {}, problems: problems ?? [] };
      if (this.#compiled.size >= MOST_COMPILED) this.#compiled.clear();
      this.#compiled.set(text, compiled);
    }
    return compiled;
  }

  #read(key: string, { uid, annotations }: Annotated): Pick<Known, "parts" | "problems"> {
    const known = this.#known.get(key);
    if (known?.annotations === annotations && known.uid === uid) return known;
    if (known === undefined && Object.keys(annotations).length === 0) return { parts: NOTHING, problems: [] };
    const read = readAnnotations(annotations, key.startsWith("namespace/") ? "Namespace" : "Service");
    const parts = new Map(read.parts);
    if (known?.uid === uid) {
      for (const [name, part] of known.parts)
        if (annotations[name] !== undefined && !parts.has(name)) parts.set(name, part);
    }
    const now: Known = { uid, annotations, parts, problems: read.problems };
    this.#known.set(key, now);
    return now;
  }
}
