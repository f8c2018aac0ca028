import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import type { LoadBalancing, SlowStartSettings } from "../../resource/load-balancing.ts";
import type { ClusterSchema } from "../generated/envoy/config/cluster/v3/cluster_pb.js";
import {
  Cluster_LbPolicy,
  Cluster_RingHashLbConfig_HashFunction,
} from "../generated/envoy/config/cluster/v3/cluster_pb.js";
import { ClientSideWeightedRoundRobinSchema } from "../generated/envoy/extensions/load_balancing_policies/client_side_weighted_round_robin/v3/client_side_weighted_round_robin_pb.js";
import { LeastRequestSchema } from "../generated/envoy/extensions/load_balancing_policies/least_request/v3/least_request_pb.js";
import { MaglevSchema } from "../generated/envoy/extensions/load_balancing_policies/maglev/v3/maglev_pb.js";
import { RandomSchema } from "../generated/envoy/extensions/load_balancing_policies/random/v3/random_pb.js";
import {
  RingHash_HashFunction,
  RingHashSchema,
} from "../generated/envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash_pb.js";
import { RoundRobinSchema } from "../generated/envoy/extensions/load_balancing_policies/round_robin/v3/round_robin_pb.js";
import { WrrLocalitySchema } from "../generated/envoy/extensions/load_balancing_policies/wrr_locality/v3/wrr_locality_pb.js";
import type { ClientKind } from "./client-kind.ts";
import { duration, pack } from "./pack.ts";

type ClusterInit = MessageInitShape<typeof ClusterSchema>;
type BalancingFields = Pick<ClusterInit, "lbPolicy" | "lbConfig" | "loadBalancingPolicy">;

/** A blackout of 0 reads as gRPC's default of 10 s in Go. */
const SHORTEST_BLACKOUT_MS = 1_000;

/**
 * The fields of a cluster that say how endpoints are picked, in words that the kind of client accepts: an unknown policy makes gRPC refuse
 * the whole cluster. What comes nearest to what was asked for:
 *
 * | policy | Envoy, Isobar | gRPC |
 * |---|---|---|
 * | `round_robin`, `random` | the same | round_robin within localities |
 * | `least_request` | the same | the same in Go and Java, round_robin elsewhere |
 * | `client_side_weighted_round_robin`, metric `utilization` | weights from reported load | the same, round_robin where it is not there |
 * | `ring_hash`, `maglev` | the same | ring_hash |
 * | `module:…` | `least_request`; a proxy of ours is told the module by metadata | as `least_request` |
 */
export function encodeBalancing(balancing: LoadBalancing, kind: ClientKind): BalancingFields {
  return kind === "grpc" ? forGrpc(balancing) : forEnvoy(balancing);
}

function forGrpc(balancing: LoadBalancing): BalancingFields {
  const { policy, hash } = balancing;
  if (policy === "ring_hash" || policy === "maglev") {
    // The extension with sizes is refused by grpc-js-xds; the older form is understood by all.
    return {
      lbPolicy: Cluster_LbPolicy.RING_HASH,
      lbConfig: {
        case: "ringHashLbConfig",
        value: {
          minimumRingSize: BigInt(hash.minRingSize),
          maximumRingSize: BigInt(hash.maxRingSize),
          hashFunction: Cluster_RingHashLbConfig_HashFunction.XX_HASH,
        },
      },
    };
  }
  // What is not known in a list is passed over, but only in the list it stands in: the fall-back belongs inside.
  const roundRobin = pack(RoundRobinSchema, {});
  const inner =
    policy === "round_robin" || policy === "random"
      ? [roundRobin]
      : [usesReports(balancing) ? weighted(balancing) : leastRequest(balancing, null), roundRobin];
  return policies(
    pack(WrrLocalitySchema, { endpointPickingPolicy: policies(...inner).loadBalancingPolicy! }),
  );
}

function forEnvoy(balancing: LoadBalancing): BalancingFields {
  const { policy, hash, slowStart } = balancing;
  const consistentHashingLbConfig =
    hash.balanceFactor === 0 ? {} : { hashBalanceFactor: Math.max(100, hash.balanceFactor) };
  switch (policy) {
    case "round_robin":
      return policies(pack(RoundRobinSchema, slowStartField(slowStart)));
    case "random":
      return policies(pack(RandomSchema, {}));
    case "client_side_weighted_round_robin":
      return policies(weighted(balancing));
    case "ring_hash":
      return policies(
        pack(RingHashSchema, {
          hashFunction: RingHash_HashFunction.XX_HASH,
          minimumRingSize: BigInt(hash.minRingSize),
          maximumRingSize: BigInt(hash.maxRingSize),
          consistentHashingLbConfig,
        }),
      );
    case "maglev":
      return policies(pack(MaglevSchema, { tableSize: BigInt(hash.tableSize), consistentHashingLbConfig }));
    default:
      return policies(leastRequest(balancing, slowStart));
  }
}

function usesReports({ policy, metric }: LoadBalancing): boolean {
  return (
    policy === "client_side_weighted_round_robin" || (policy === "least_request" && metric === "utilization")
  );
}

function leastRequest({ choiceCount }: LoadBalancing, slowStart: SlowStartSettings | null): Any {
  return pack(LeastRequestSchema, { choiceCount, ...slowStartField(slowStart) });
}

function weighted({ loadReports }: LoadBalancing): Any {
  return pack(ClientSideWeightedRoundRobinSchema, {
    enableOobLoadReport: loadReports.outOfBandMs > 0,
    ...(loadReports.outOfBandMs > 0 ? { oobReportingPeriod: duration(loadReports.outOfBandMs) } : {}),
    blackoutPeriod: duration(Math.max(SHORTEST_BLACKOUT_MS, loadReports.blackoutMs)),
    weightExpirationPeriod: duration(loadReports.expiryMs),
    weightUpdatePeriod: duration(loadReports.weightUpdateMs),
    errorUtilizationPenalty: loadReports.errorPenalty,
    metricNamesForComputingUtilization: [...loadReports.utilizationMetrics],
  });
}

function slowStartField(slowStart: SlowStartSettings | null) {
  if (slowStart === null) return {};
  return {
    slowStartConfig: {
      slowStartWindow: duration(slowStart.windowMs),
      aggression: { defaultValue: slowStart.aggression, runtimeKey: "isobar.slow_start.aggression" },
      minWeightPercent: { value: slowStart.minShare * 100 },
    },
  };
}

function policies(...any: Any[]): BalancingFields {
  const named = any.map((typedConfig) => ({
    typedExtensionConfig: { name: nameOf(typedConfig), typedConfig },
  }));
  return { loadBalancingPolicy: { policies: named } };
}

/** Names are for people; the type decides. */
function nameOf({ typeUrl }: Any): string {
  return typeUrl.slice(typeUrl.lastIndexOf(".") + 1);
}
