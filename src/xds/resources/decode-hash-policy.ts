import type { HashKey } from "../../resource/load-balancing.ts";
import type { RouteAction_HashPolicy } from "../generated/envoy/config/route/v3/route_components_pb.js";
import { ResourceProblem } from "./resource-problem.ts";

/** The channel of a gRPC client: what it is for a proxy is its caller. */
const CHANNEL_ID = "io.grpc.channel_id";

/**
 * Reads what requests are kept together by. Policies that are not known are passed over, as gRPC does (gRFC A42); of several the first that
 * a request has counts, as if each were terminal.
 *
 * @returns undefined where nothing is said that could be followed.
 */
export function decodeHashPolicy(
  policies: readonly RouteAction_HashPolicy[],
  path: string,
): readonly HashKey[] | undefined {
  const keys = policies.flatMap(({ policySpecifier: by }, index): HashKey[] => {
    switch (by.case) {
      case "header": {
        if (by.value.$unknown !== undefined && by.value.$unknown.length > 0) {
          throw new ResourceProblem(`${path}[${index}].header.regex_rewrite`, "one", "none");
        }
        const name = by.value.headerName.toLowerCase();
        return [name === ":path" ? { kind: "method" } : { kind: "header", name }];
      }
      case "cookie":
        return [{ kind: "cookie", name: by.value.name }];
      case "connectionProperties":
        return by.value.sourceIp ? [{ kind: "source" }] : [];
      case "filterState":
        return by.value.key === CHANNEL_ID ? [{ kind: "source" }] : [];
      default:
        return [];
    }
  });
  return keys.length === 0 ? undefined : keys;
}
