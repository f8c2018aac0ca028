import { ResourceProblem } from "./resource-problem.ts";

/** Checks a value that came as JSON. @throws ResourceProblem where it is not as it has to be. */
export type Shape = (value: unknown, path: string) => void;

function found(value: unknown): string {
  return (JSON.stringify(value) ?? "nothing").slice(0, 100);
}

export const text: Shape = (value, path) => {
  if (typeof value !== "string") throw new ResourceProblem(path, found(value), "a text");
};

export const flag: Shape = (value, path) => {
  if (typeof value !== "boolean") throw new ResourceProblem(path, found(value), "true or false");
};

/** A number within bounds, both included. */
export function number(min = 0, max: number = Number.MAX_SAFE_INTEGER): Shape {
  return (value, path) => {
    if (typeof value !== "number" || !(value >= min && value <= max)) {
      throw new ResourceProblem(path, found(value), `a number from ${min} to ${max}`);
    }
  };
}

export function oneOf(words: readonly string[]): Shape {
  return (value, path) => {
    if (!words.includes(value as string))
      throw new ResourceProblem(path, found(value), `one of ${words.join(", ")}`);
  };
}

export function listOf(shape: Shape): Shape {
  return (value, path) => {
    if (!Array.isArray(value)) throw new ResourceProblem(path, found(value), "a list");
    for (const [index, item] of value.entries()) shape(item, `${path}[${index}]`);
  };
}

export function recordOf(shape: Shape): Shape {
  return (value, path) => {
    if (!isRecord(value)) throw new ResourceProblem(path, found(value), "a mapping");
    for (const [key, item] of Object.entries(value)) shape(item, `${path}.${key}`);
  };
}

/** All of these keys, or those of the shapes made by {@link optional}; others are passed over: newer control planes may know more. */
export function object(shapes: Readonly<Record<string, Shape>>): Shape {
  return (value, path) => {
    if (!isRecord(value)) throw new ResourceProblem(path, found(value), "a mapping");
    for (const [key, shape] of Object.entries(shapes)) shape(value[key], `${path}.${key}`);
  };
}

export function nullable(shape: Shape): Shape {
  return (value, path) => {
    if (value !== null) shape(value, path);
  };
}

export function optional(shape: Shape): Shape {
  return (value, path) => {
    if (value !== undefined) shape(value, path);
  };
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** @returns `changes` over `defaults`, key by key within mappings too. */
export function merged(defaults: unknown, changes: unknown): unknown {
  if (changes === undefined) return defaults;
  if (!isRecord(defaults) || !isRecord(changes)) return changes;
  const result: Record<string, unknown> = { ...defaults };
  for (const [key, value] of Object.entries(changes)) result[key] = merged(defaults[key], value);
  return result;
}

/** Reads JSON that stands in a text. */
export function parseJson(value: string, path: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    throw new ResourceProblem(path, found(value), "JSON");
  }
}
