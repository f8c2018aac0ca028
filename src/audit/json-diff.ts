/** Data as JSON has it. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

/** An object of JSON; what is undefined counts as absent. */
export interface JsonObject {
  readonly [key: string]: Json | undefined;
}

/** What makes one object of another. Places are JSON Pointers (RFC 6901). */
export interface JsonDiff {
  /** New values. Lists are replaced as a whole. */
  readonly set?: Readonly<Record<string, Json>>;
  readonly unset?: readonly string[];
  /** What stood there before, where it is short: for people, nothing is made of it. */
  readonly was?: Readonly<Record<string, Json>>;
}

/** Former values of more characters are left out: they stand in an earlier record. */
const MAX_WAS = 200;

/** A diff while it is found out. */
export class DiffBuilder {
  readonly #set: Record<string, Json> = {};
  readonly #unset: string[] = [];
  readonly #was: Record<string, Json> = {};
  #count = 0;

  /** Differences noted so far. */
  get size(): number {
    return this.#count;
  }

  /** Notes what differs below a place. @param before undefined: nothing was there; the same with `after`. */
  compare(place: string, before: Json | undefined, after: Json | undefined): void {
    if (Object.is(before, after)) return;
    if (isObject(before) && isObject(after)) {
      for (const key of Object.keys(before))
        if (after[key] === undefined) this.compare(within(place, key), before[key], undefined);
      for (const key of Object.keys(after)) this.compare(within(place, key), before[key], after[key]);
      return;
    }
    const former = before === undefined ? undefined : JSON.stringify(before);
    if (after === undefined) this.#unset.push(place);
    else {
      if (former === JSON.stringify(after)) return;
      this.#set[place] = after;
    }
    this.#count++;
    if (former !== undefined && former.length <= MAX_WAS) this.#was[place] = before!;
  }

  /** @returns undefined when nothing differs. */
  build(): JsonDiff | undefined {
    if (this.#count === 0) return undefined;
    const hasSet = Object.keys(this.#set).length > 0;
    return {
      ...(hasSet ? { set: this.#set } : {}),
      ...(this.#unset.length > 0 ? { unset: this.#unset } : {}),
      ...(Object.keys(this.#was).length > 0 ? { was: this.#was } : {}),
    };
  }
}

/** @returns what makes `after` of `before`; undefined when they say the same. */
export function diffJson(before: JsonObject, after: JsonObject): JsonDiff | undefined {
  const diff = new DiffBuilder();
  diff.compare("", before, after);
  return diff.build();
}

/**
 * Changes an object as a diff says.
 *
 * @returns the same object.
 * @throws RangeError for a place that cannot be there.
 */
export function applyDiff<Target extends JsonObject>(target: Target, diff: JsonDiff): Target {
  for (const place of diff.unset ?? []) {
    const [holder, key] = find(target, place);
    delete holder[key];
  }
  for (const [place, value] of Object.entries(diff.set ?? {})) {
    const [holder, key] = find(target, place);
    holder[key] = structuredClone(value);
  }
  return target;
}

/** @returns a place one step further down. */
export function within(place: string, key: string): string {
  return `${place}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

/** @returns the steps of a place. */
export function stepsOf(place: string): string[] {
  return place
    .split("/")
    .slice(1)
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function find(target: JsonObject, place: string): [holder: Record<string, Json>, key: string] {
  const steps = stepsOf(place);
  const key = steps.pop();
  let holder = target as Record<string, Json>;
  for (const step of steps) {
    const next = Object.hasOwn(holder, step) ? holder[step] : undefined;
    if (!isObject(next)) throw new RangeError(`there is nothing at ${place}`);
    holder = next as Record<string, Json>;
  }
  if (key === undefined || key === "__proto__") throw new RangeError(`nothing can be at "${place}"`);
  return [holder, key];
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
