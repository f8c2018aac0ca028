import { decodeCluster } from "../resources/decode-cluster.ts";
import { decodeListener } from "../resources/decode-listener.ts";
import { decodeLoadAssignment } from "../resources/decode-load-assignment.ts";
import { decodeRouteConfiguration } from "../resources/decode-route-configuration.ts";
import { TYPE_URL } from "../resources/type-url.ts";
import type { ResourceKindName, ResourceLookup } from "./resolve-authority.ts";
import type { ResourceEntry } from "./resource-entry.ts";
import { ResourceTable } from "./resource-table.ts";

/** @returns a table for each kind of resource. */
export function createResourceTables(
  keepOctets: boolean,
  onChange: (entry: ResourceEntry) => void,
): Readonly<Record<ResourceKindName, ResourceTable>> {
  const nameOf = ({ name }: { readonly name: string }): string => name;
  const table = (typeUrl: (typeof TYPE_URL)[ResourceKindName], decode: ResourceTableDecoder): ResourceTable =>
    new ResourceTable({
      kind: { typeUrl, decode, nameOf, isLarge: typeUrl === TYPE_URL.loadAssignment },
      keepOctets,
      onChange,
    });
  return {
    listener: table(TYPE_URL.listener, decodeListener),
    routeConfiguration: table(TYPE_URL.routeConfiguration, decodeRouteConfiguration),
    cluster: table(TYPE_URL.cluster, decodeCluster),
    loadAssignment: table(TYPE_URL.loadAssignment, decodeLoadAssignment),
  };
}

/** @returns what is in the tables, as their decoders have made it. */
export function lookupIn(tables: ReturnType<typeof createResourceTables>): ResourceLookup {
  return {
    listener: (name) => tables.listener.get(name) as ReturnType<ResourceLookup["listener"]>,
    routeConfiguration: (name) =>
      tables.routeConfiguration.get(name) as ReturnType<ResourceLookup["routeConfiguration"]>,
    cluster: (name) => tables.cluster.get(name) as ReturnType<ResourceLookup["cluster"]>,
    loadAssignment: (name) => tables.loadAssignment.get(name) as ReturnType<ResourceLookup["loadAssignment"]>,
  };
}

type ResourceTableDecoder = ConstructorParameters<typeof ResourceTable>[0]["kind"]["decode"];
