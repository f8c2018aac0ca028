import type { z } from "zod";
import type { configSchema } from "./config-schema.ts";

type DeepReadonly<T> = T extends readonly (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
    : T;

/** The configuration as the process uses it: complete with defaults, checked, and frozen to its depths. */
export type Config = DeepReadonly<z.output<typeof configSchema>> & {
  readonly node: { readonly id: string; readonly zone: string };
};

/** One service of the configuration. */
export type ClusterConfig = Config["clusters"][number];

/** Where a cluster's endpoints come from when they come from DNS. */
export type DnsConfig = NonNullable<ClusterConfig["dns"]>;
