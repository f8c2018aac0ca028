import { parseDestination } from "../../telemetry/destination.ts";

/** Tells whether a cluster is one that a person means. */
export type IsWanted = (clusterName: string) => boolean;

/**
 * @param text a cluster's name as proxies have it, `service`, `service:port`, `namespace/service` or `namespace/service:port`; "" for all.
 * @param namespace only of this one; "" of any.
 */
export function wantedService(text: string, namespace: string): IsWanted {
  const [, of = "", service = "", port = ""] = /^(?:([^/]*)\/)?([^/]*?)(?::(\d+))?$/.exec(text) ?? [];
  return (name) => {
    const { dst_namespace, dst_service, dst_port } = parseDestination(name);
    if (namespace !== "" && dst_namespace !== namespace) return false;
    if (text === "" || text === name) return true;
    return (
      dst_service === service && (of === "" || dst_namespace === of) && (port === "" || dst_port === port)
    );
  };
}
