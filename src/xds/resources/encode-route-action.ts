import type { MessageInitShape } from "@bufbuild/protobuf";
import type { HashKey } from "../../resource/load-balancing.ts";
import type { RetryPolicy } from "../../resource/retry-policy.ts";
import type { Route } from "../../resource/route.ts";
import type { ServiceModel } from "../../resource/service.ts";
import type { RouteActionSchema } from "../generated/envoy/config/route/v3/route_components_pb.js";
import { FractionalPercent_DenominatorType } from "../generated/envoy/type/v3/percent_pb.js";
import type { ClientKind } from "./client-kind.ts";
import { duration } from "./pack.ts";

type ActionInit = MessageInitShape<typeof RouteActionSchema>;
type HashPolicies = NonNullable<ActionInit["hashPolicy"]>;

/**
 * What is done with requests that a route means, and for all that no route means.
 *
 * @param route undefined: the service's cluster takes them.
 */
export function encodeRouteAction(
  service: ServiceModel,
  route: Route | undefined,
  kind: ClientKind,
): ActionInit {
  const { settings } = service.cluster;
  const timeouts = route?.policy?.timeouts ?? settings.timeouts;
  const retries = route?.policy?.retries === undefined ? settings.retries : route.policy.retries;
  const action: ActionInit = { clusterSpecifier: clusterSpecifier(service, route) };
  const hashPolicy = settings.loadBalancing.hash.keys.flatMap((key) => hashPolicyOf(key, kind));
  if (hashPolicy.length > 0) action.hashPolicy = hashPolicy;
  // Envoy ends requests after 15 s unless told otherwise.
  if (kind !== "grpc") action.timeout = duration(0);
  if (timeouts.requestMs > 0) {
    const limit = duration(timeouts.requestMs);
    action.maxStreamDuration = { maxStreamDuration: limit, grpcTimeoutHeaderMax: limit };
  }
  if (timeouts.idleMs > 0) action.idleTimeout = duration(timeouts.idleMs);
  if (retries !== null) action.retryPolicy = retryPolicy(retries);
  if (route !== undefined && route.mirror !== null)
    action.requestMirrorPolicies = [mirrorPolicy(route.mirror)];
  return action;
}

function clusterSpecifier(
  service: ServiceModel,
  route: Route | undefined,
): NonNullable<ActionInit["clusterSpecifier"]> {
  const sides = (route?.clusters ?? []).filter(({ weight }) => weight > 0);
  if (sides.length === 0) return { case: "cluster", value: service.name };
  if (sides.length === 1) return { case: "cluster", value: sides[0]!.name };
  return {
    case: "weightedClusters",
    value: { clusters: sides.map(({ name, weight }) => ({ name, weight })) },
  };
}

function hashPolicyOf(key: HashKey, kind: ClientKind): HashPolicies {
  switch (key.kind) {
    case "header":
      return [{ policySpecifier: { case: "header", value: { headerName: key.name } }, terminal: true }];
    case "cookie":
      return kind === "grpc"
        ? []
        : [{ policySpecifier: { case: "cookie", value: { name: key.name } }, terminal: true }];
    case "method":
      return kind === "grpc"
        ? []
        : [{ policySpecifier: { case: "header", value: { headerName: ":path" } }, terminal: true }];
    case "source":
      // A gRPC client has one source: itself. Source: gRFC A42.
      return kind === "grpc"
        ? [{ policySpecifier: { case: "filterState", value: { key: "io.grpc.channel_id" } }, terminal: true }]
        : [
            {
              policySpecifier: { case: "connectionProperties", value: { sourceIp: true } },
              terminal: true,
            },
          ];
  }
}

/** gRPC passes over the conditions it does not know. Source: gRFC A44. */
function retryPolicy(retries: RetryPolicy): NonNullable<ActionInit["retryPolicy"]> {
  return {
    retryOn: retries.retryOn.join(","),
    numRetries: Math.max(1, retries.attempts - 1),
    ...(retries.perTryTimeoutMs > 0 ? { perTryTimeout: duration(retries.perTryTimeoutMs) } : {}),
    retryBackOff: {
      baseInterval: duration(Math.max(1, retries.backoffBaseMs)),
      maxInterval: duration(Math.max(1, retries.backoffBaseMs, retries.backoffMaxMs)),
    },
  };
}

function mirrorPolicy({ cluster, percent }: NonNullable<Route["mirror"]>) {
  return {
    cluster,
    runtimeFraction: {
      defaultValue: {
        numerator: Math.round(percent * 10_000),
        denominator: FractionalPercent_DenominatorType.MILLION,
      },
    },
  };
}
