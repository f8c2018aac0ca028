import type { SliceEndpoint } from "../../kube/objects/endpoint-slice-object.ts";
import { ENDPOINT_SLICES } from "../../kube/objects/endpoint-slice-object.ts";
import type { RawObject } from "../../kube/raw-object.ts";
import { resourcePath } from "../../kube/resource-kind.ts";
import type { ClusterAccess } from "../cluster/cluster-access.ts";
import { textTable } from "../cluster/text-table.ts";
import { wantedService } from "./wanted-service.ts";

/** A Service's endpoints as Kubernetes has them. */
export interface ServiceFacts {
  /** `service.namespace`. */
  readonly name: string;
  /** Why its connections are left alone; "" where nothing says so. */
  readonly leftAlone: string;
  readonly endpoints: readonly SliceEndpoint[];
}

interface RawStatus {
  readonly conditions?: readonly {
    readonly type?: string;
    readonly status?: string;
    readonly reason?: string;
    readonly message?: string;
  }[];
}

/**
 * What the API server itself shows of a namespace's Services: for who may read there, and may not reach Isobar's Pods.
 *
 * @param service as {@link wantedService} takes it. @returns undefined where that may not be read either.
 */
export async function namespaceFacts(
  access: ClusterAccess,
  namespace: string,
  service: string,
): Promise<readonly ServiceFacts[] | undefined> {
  const services = await access.list(`/api/v1/namespaces/${encodeURIComponent(namespace)}/services`);
  const slices = await access.list(resourcePath(ENDPOINT_SLICES, namespace));
  if (services === undefined || slices === undefined) return undefined;
  const read = slices.map((slice) => ENDPOINT_SLICES.decode(slice));
  const isWanted = wantedService(service.replace(/:\d+$/, ""), namespace);
  return services.flatMap(({ metadata, status }: RawObject) => {
    const { name = "" } = metadata ?? {};
    // A Service has no port of its own here.
    if (!isWanted(`${name}.${namespace}:1`)) return [];
    const { conditions = [] } = (status ?? {}) as RawStatus;
    const captured = conditions.find(({ type }) => type === "isobar.dev/Captured");
    return {
      name: `${name}.${namespace}`,
      leftAlone: captured?.status === "False" ? `${captured.reason}: ${captured.message}` : "",
      endpoints: read.filter((slice) => slice.service === name).flatMap(({ endpoints }) => endpoints),
    };
  });
}

/** @returns lines for people. */
export function factsText(facts: readonly ServiceFacts[]): string {
  if (facts.length === 0) return "no services\n";
  return facts
    .map(({ name, leftAlone, endpoints }) => {
      const rows = endpoints.map(({ address, readiness, zone, node, pod }) => [
        address,
        readiness,
        zone || "-",
        node || "-",
        pod || "-",
      ]);
      const head = `service ${name}${leftAlone === "" ? "" : `, whose connections are left alone: ${leftAlone}`}\n`;
      return head + textTable([["ENDPOINT", "STATE", "ZONE", "NODE", "POD"], ...rows]);
    })
    .join("\n");
}
