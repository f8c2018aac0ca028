import type { z } from "zod";
import { DURATION } from "../src/config/duration-ms.ts";
import { keysOf, unwrapSchema } from "../src/config/schema-walk.ts";

/** A schema as CustomResourceDefinitions have it. Source: Kubernetes, structural schemas. */
export type StructuralSchema = { readonly [key: string]: unknown };

/** What is wanted of a value beyond its type, as zod keeps it. */
interface Limits {
  readonly format?: string;
  readonly low?: number;
  readonly high?: number;
  readonly pattern?: RegExp;
}

/**
 * Makes a structural schema of one of ours: types, bounds, defaults, and as descriptions what the documentation says, for `kubectl
 * explain`. Sections get no default of their own, or every policy would say everything. What cannot be said in it (a choice among keys,
 * one bound below another) is checked by the control plane and said in the object's status.
 */
export function structuralSchema(schema: z.core.$ZodType): StructuralSchema {
  const { schema: inner, notes, defaultValue } = unwrapSchema(schema);
  const isSection = keysOf(inner) !== undefined;
  return {
    ...(notes.doc === "" ? {} : { description: notes.doc }),
    ...(defaultValue === undefined || isSection ? {} : { default: defaultValue }),
    ...shapeOf(inner, notes.wanted),
  };
}

function shapeOf(schema: z.core.$ZodType, wanted: string): StructuralSchema {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  const limits = limitsOf(def);
  switch (def.type) {
    case "object": {
      const properties = Object.entries(keysOf(schema) ?? {});
      const required = properties.filter(([, each]) => !unwrapSchema(each).optional).map(([key]) => key);
      return {
        type: "object",
        ...(required.length === 0 ? {} : { required }),
        properties: Object.fromEntries(properties.map(([key, each]) => [key, structuralSchema(each)])),
      };
    }
    case "array":
      return {
        type: "array",
        ...bounds(limits, "minItems", "maxItems"),
        items: structuralSchema(def.element),
      };
    case "enum":
      return { type: "string", enum: Object.values(def.entries) };
    case "boolean":
      return { type: "boolean" };
    case "number":
      return {
        type: limits.format === "safeint" ? "integer" : "number",
        ...bounds(limits, "minimum", "maximum"),
      };
    case "string": {
      const pattern = wanted.startsWith("a duration") ? DURATION : limits.pattern;
      return {
        type: "string",
        ...bounds(limits, "minLength", "maxLength"),
        ...(pattern === undefined ? {} : { pattern: pattern.source }),
      };
    }
    default:
      throw new Error(`a ${def.type} cannot be said in a structural schema yet`);
  }
}

function limitsOf(def: z.core.$ZodTypes["_zod"]["def"]): Limits {
  let limits: Limits = { format: (def as { readonly format?: string }).format ?? "" };
  for (const check of (def as { readonly checks?: readonly z.core.$ZodCheck[] }).checks ?? []) {
    const said = (check as z.core.$ZodChecks)._zod.def;
    switch (said.check) {
      case "greater_than":
        limits = { ...limits, low: Number(said.value) };
        break;
      case "less_than":
        limits = { ...limits, high: Number(said.value) };
        break;
      case "min_length":
        limits = { ...limits, low: said.minimum };
        break;
      case "max_length":
        limits = { ...limits, high: said.maximum };
        break;
      case "string_format":
        if (said.pattern !== undefined) limits = { ...limits, pattern: said.pattern };
        break;
      default:
    }
  }
  return limits;
}

function bounds({ low, high }: Limits, lowest: string, highest: string): StructuralSchema {
  return {
    ...(low === undefined ? {} : { [lowest]: low }),
    ...(high === undefined ? {} : { [highest]: high }),
  };
}
