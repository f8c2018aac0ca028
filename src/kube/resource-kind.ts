import type { KubeObject } from "./kube-object.ts";
import type { RawObject } from "./raw-object.ts";

/** A kind of object: where the API server has it, and what is kept of it. */
export interface ResourceKind<T extends KubeObject> {
  /** "" for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** As it stands in paths. */
  readonly plural: string;
  /** Whether the API server may not know it: a CustomResourceDefinition that nobody has installed. */
  readonly optional: boolean;
  /** Whether only metadata is read; the API server then sends nothing else. */
  readonly metadataOnly: boolean;
  /** Objects to a page of a list. */
  readonly pageSize: number;
  /** Keeps what is needed of an object. May throw on nonsense, of which the API server has little. */
  decode(raw: RawObject): T;
  /** Whether two versions of an object are the same for whoever reads them; absent: never. */
  isSame?(one: T, other: T): boolean;
}

type AnyKind = Pick<ResourceKind<KubeObject>, "group" | "version" | "plural">;

/** @returns where the API server has all objects of the kind, or those of a namespace, or one. */
export function resourcePath({ group, version, plural }: AnyKind, namespace = "", name = ""): string {
  const base = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
  const within = namespace === "" ? "" : `/namespaces/${namespace}`;
  return `${base}${within}/${plural}${name === "" ? "" : `/${name}`}`;
}

/** @returns the `apiVersion` of objects of the kind. */
export function apiVersionOf({ group, version }: AnyKind): string {
  return group === "" ? version : `${group}/${version}`;
}
