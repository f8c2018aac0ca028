import type { KubeObject } from "./kube-object.ts";
import { shareText } from "./share-text.ts";

/** Metadata as the API server writes it, as far as it is read. Source: Kubernetes API, ObjectMeta. */
export interface RawMetadata {
  readonly name?: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly {
    readonly kind?: string;
    readonly name?: string;
    readonly controller?: boolean;
  }[];
  readonly managedFields?: readonly {
    readonly manager?: string;
    readonly time?: string;
    readonly subresource?: string;
  }[];
}

/** An object as the API server writes it. What lies in `spec` and `status` is the kind's own business. */
export interface RawObject {
  readonly kind?: string;
  readonly metadata?: RawMetadata;
  readonly spec?: unknown;
  readonly status?: unknown;
}

/** @returns what all kept objects have in common, without the rest of the metadata. */
export function keptMetadata({ metadata = {} }: RawObject): KubeObject {
  return {
    namespace: shareText(metadata.namespace ?? ""),
    name: metadata.name ?? "",
    uid: metadata.uid ?? "",
    resourceVersion: metadata.resourceVersion ?? "",
    manager: lastManager(metadata),
  };
}

/** Whoever has the latest entry wrote last; entries of one time are in order. Who wrote but the status counts only where nobody else did. */
function lastManager({ managedFields = [] }: RawMetadata): string {
  let manager = "";
  let latest = "";
  let isStatus = true;
  for (const { manager: name = "", time = "", subresource } of managedFields) {
    const writesStatus = subresource === "status";
    if (writesStatus && !isStatus) continue;
    if (writesStatus === isStatus && time < latest) continue;
    latest = time;
    manager = name;
    isStatus = writesStatus;
  }
  return shareText(manager);
}
