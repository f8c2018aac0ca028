/** What every object kept of the API server has. Kinds add what is needed of them and nothing else: a cluster's objects are large. */
export interface KubeObject {
  /** "" where the kind belongs to no namespace. */
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Which version of the object this is. Opaque, but for equality. */
  readonly resourceVersion: string;
  /** Who wrote it last, as managedFields has it; "" when not known. */
  readonly manager: string;
}

/** @returns what an object is called among those of its kind: `namespace/name`, or `name`. */
export function objectKey({ namespace, name }: Pick<KubeObject, "namespace" | "name">): string {
  return namespace === "" ? name : `${namespace}/${name}`;
}
