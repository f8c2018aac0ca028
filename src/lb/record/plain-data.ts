/** What survives {@link encodePlain}: data without behaviour. Typed arrays keep their kind. */
export type PlainData =
  | string
  | number
  | boolean
  | null
  | undefined
  | Float64Array
  | Int32Array
  | Uint32Array
  | Uint16Array
  | Uint8Array
  | readonly PlainData[]
  | { readonly [key: string]: PlainData };

const ARRAYS = {
  $f64: Float64Array,
  $i32: Int32Array,
  $u32: Uint32Array,
  $u16: Uint16Array,
  $u8: Uint8Array,
} as const;

/**
 * Writes data as JSON that {@link decodePlain} reads back exactly: typed arrays are `{"$f64": […]}` and the like, and numbers
 * that JSON does not know (-0, infinities, NaN) are `{"$n": "-0"}`.
 *
 * @throws TypeError naming the key of what is not data: a function, an instance of a class, a map.
 */
export function encodePlain(value: unknown): string {
  return JSON.stringify(toJson(value, "data"));
}

/** @throws SyntaxError for what is no JSON, TypeError for a tag that does not exist. */
export function decodePlain(text: string): unknown {
  return fromJson(JSON.parse(text));
}

function toJson(value: unknown, path: string): unknown {
  if (typeof value === "number") return numberToJson(value);
  if (value === null || value === undefined || typeof value === "string" || typeof value === "boolean")
    return value;
  if (Array.isArray(value)) return value.map((item, i) => toJson(item, `${path}[${i}]`));
  for (const [tag, kind] of Object.entries(ARRAYS))
    if (value instanceof kind) return { [tag]: Array.from(value, numberToJson) };
  const isPlain = typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype;
  if (!isPlain) throw new TypeError(`${path}: found ${describe(value)}, wanted plain data`);
  return Object.fromEntries(
    Object.entries(value as object).map(([key, item]) => [key, toJson(item, `${path}.${key}`)]),
  );
}

function numberToJson(value: number): unknown {
  return Number.isFinite(value) && !Object.is(value, -0)
    ? value
    : { $n: Object.is(value, -0) ? "-0" : `${value}` };
}

function fromJson(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(fromJson);
  const [first] = Object.entries(value);
  if (first?.[0].startsWith("$")) return fromTagged(first[0], first[1]);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fromJson(item)]));
}

function fromTagged(tag: string, content: unknown): unknown {
  if (tag === "$n" && typeof content === "string") return Number(content);
  const kind = ARRAYS[tag as keyof typeof ARRAYS];
  if (kind === undefined || !Array.isArray(content))
    throw new TypeError(`${tag}: found a tag that does not exist`);
  return kind.from(content.map((item) => Number(fromJson(item))));
}

function describe(value: unknown): string {
  return typeof value === "object" ? `an instance of ${value?.constructor?.name ?? "nothing"}` : typeof value;
}
