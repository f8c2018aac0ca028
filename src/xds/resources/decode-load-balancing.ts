import type { Message } from "@bufbuild/protobuf";
import { fromBinary } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import type { Any } from "@bufbuild/protobuf/wkt";
import type { HashKey, LoadBalancing, SlowStartSettings } from "../../resource/load-balancing.ts";
import { LOAD_BALANCING_DEFAULTS } from "../../resource/load-balancing.ts";
import type { Cluster, LoadBalancingPolicy } from "../generated/envoy/config/cluster/v3/cluster_pb.js";
import { Cluster_LbPolicy } from "../generated/envoy/config/cluster/v3/cluster_pb.js";
import type { RouteAction_HashPolicy } from "../generated/envoy/config/route/v3/route_components_pb.js";
import type { ClientSideWeightedRoundRobin } from "../generated/envoy/extensions/load_balancing_policies/client_side_weighted_round_robin/v3/client_side_weighted_round_robin_pb.js";
import { ClientSideWeightedRoundRobinSchema } from "../generated/envoy/extensions/load_balancing_policies/client_side_weighted_round_robin/v3/client_side_weighted_round_robin_pb.js";
import type {
  ConsistentHashingLbConfig,
  LocalityLbConfig,
  SlowStartConfig,
} from "../generated/envoy/extensions/load_balancing_policies/common/v3/common_pb.js";
import { LeastRequestSchema } from "../generated/envoy/extensions/load_balancing_policies/least_request/v3/least_request_pb.js";
import { MaglevSchema } from "../generated/envoy/extensions/load_balancing_policies/maglev/v3/maglev_pb.js";
import { RingHashSchema } from "../generated/envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash_pb.js";
import { RoundRobinSchema } from "../generated/envoy/extensions/load_balancing_policies/round_robin/v3/round_robin_pb.js";
import { WrrLocalitySchema } from "../generated/envoy/extensions/load_balancing_policies/wrr_locality/v3/wrr_locality_pb.js";
import { decodeDuration } from "./decode-duration.ts";
import { ResourceProblem } from "./resource-problem.ts";

/** How endpoints are picked, as the standard fields say it. */
export interface DecodedBalancing {
  readonly loadBalancing: LoadBalancing;
  readonly weighsLocalities: boolean;
}

const PREFIX = "type.googleapis.com/envoy.extensions.load_balancing_policies.";
/** Policies within policies: a chain that is longer is a mistake. Source: gRFC A52. */
const MAX_DEPTH = 16;

type Changes = Partial<LoadBalancing> & { readonly weighsLocalities?: boolean };

/** Reads the policy of a cluster: the first of the list that is known, or else the old field. */
export function decodeLoadBalancing(cluster: Cluster): DecodedBalancing {
  const { commonLbConfig, loadBalancingPolicy } = cluster;
  const changes =
    loadBalancingPolicy === undefined
      ? oldPolicy(cluster)
      : firstKnown(loadBalancingPolicy, "load_balancing_policy", 0);
  const {
    weighsLocalities = commonLbConfig?.localityConfigSpecifier.case === "localityWeightedLbConfig",
    ...rest
  } = changes;
  const { locality } = LOAD_BALANCING_DEFAULTS;
  const panic = commonLbConfig?.healthyPanicThreshold?.value;
  return {
    weighsLocalities,
    loadBalancing: {
      ...LOAD_BALANCING_DEFAULTS,
      ...rest,
      locality: {
        ...locality,
        // The control plane has weighed near against far already.
        distribution: weighsLocalities ? "none" : locality.distribution,
        panicThreshold: panic === undefined ? locality.panicThreshold : Math.min(1, panic / 100),
      },
    },
  };
}

function oldPolicy({ lbPolicy, lbConfig }: Cluster): Changes {
  switch (lbPolicy) {
    case Cluster_LbPolicy.ROUND_ROBIN:
      return lbConfig.case === "roundRobinLbConfig"
        ? { policy: "round_robin", slowStart: slowStart(lbConfig.value.slowStartConfig) }
        : { policy: "round_robin" };
    case Cluster_LbPolicy.LEAST_REQUEST:
      return lbConfig.case === "leastRequestLbConfig"
        ? {
            policy: "least_request",
            choiceCount: choiceCount(lbConfig.value.choiceCount),
            slowStart: slowStart(lbConfig.value.slowStartConfig),
          }
        : { policy: "least_request" };
    case Cluster_LbPolicy.RANDOM:
      return { policy: "random" };
    case Cluster_LbPolicy.RING_HASH:
      return lbConfig.case === "ringHashLbConfig"
        ? hashing("ring_hash", {
            ringSizes: [lbConfig.value.minimumRingSize, lbConfig.value.maximumRingSize],
          })
        : { policy: "ring_hash" };
    case Cluster_LbPolicy.MAGLEV:
      return lbConfig.case === "maglevLbConfig"
        ? hashing("maglev", { tableSize: lbConfig.value.tableSize })
        : { policy: "maglev" };
    default:
      throw new ResourceProblem(
        "lb_policy",
        Cluster_LbPolicy[lbPolicy] ?? String(lbPolicy),
        "ROUND_ROBIN, LEAST_REQUEST, RANDOM, RING_HASH or MAGLEV",
      );
  }
}

function firstKnown({ policies }: LoadBalancingPolicy, path: string, depth: number): Changes {
  const found: string[] = [];
  for (const { typedExtensionConfig } of policies) {
    const config = typedExtensionConfig?.typedConfig;
    const type = config?.typeUrl ?? "";
    const changes = config === undefined ? undefined : policyOf(config, path, depth);
    if (changes !== undefined) return changes;
    found.push(type.split(".").at(-1) || typedExtensionConfig?.name || "no type");
  }
  throw new ResourceProblem(
    path,
    found.join(", ") || "no policy",
    "LeastRequest, RoundRobin, Random, RingHash, Maglev, ClientSideWeightedRoundRobin or WrrLocality",
  );
}

/** @returns undefined for a policy that is not known. */
function policyOf(config: Any, path: string, depth: number): Changes | undefined {
  switch (config.typeUrl) {
    case `${PREFIX}round_robin.v3.RoundRobin`: {
      const policy = decode(RoundRobinSchema, config);
      return {
        policy: "round_robin",
        slowStart: slowStart(policy.slowStartConfig),
        ...nearness(policy.localityLbConfig),
      };
    }
    case `${PREFIX}least_request.v3.LeastRequest`: {
      const policy = decode(LeastRequestSchema, config);
      return {
        policy: "least_request",
        choiceCount: choiceCount(policy.choiceCount),
        slowStart: slowStart(policy.slowStartConfig),
        ...nearness(policy.localityLbConfig),
      };
    }
    case `${PREFIX}random.v3.Random`:
      return { policy: "random" };
    case `${PREFIX}ring_hash.v3.RingHash`: {
      const policy = decode(RingHashSchema, config);
      return {
        ...hashing("ring_hash", {
          ringSizes: [policy.minimumRingSize, policy.maximumRingSize],
          consistent: policy.consistentHashingLbConfig,
          balanceFactor: policy.hashBalanceFactor,
        }),
        ...(policy.localityWeightedLbConfig === undefined ? {} : { weighsLocalities: true }),
      };
    }
    case `${PREFIX}maglev.v3.Maglev`: {
      const policy = decode(MaglevSchema, config);
      return {
        ...hashing("maglev", { tableSize: policy.tableSize, consistent: policy.consistentHashingLbConfig }),
        ...(policy.localityWeightedLbConfig === undefined ? {} : { weighsLocalities: true }),
      };
    }
    case `${PREFIX}client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin`:
      return reported(decode(ClientSideWeightedRoundRobinSchema, config));
    case `${PREFIX}wrr_locality.v3.WrrLocality`: {
      const { endpointPickingPolicy } = decode(WrrLocalitySchema, config);
      const at = `${path}.wrr_locality.endpoint_picking_policy`;
      if (endpointPickingPolicy === undefined || depth >= MAX_DEPTH) {
        throw new ResourceProblem(
          at,
          endpointPickingPolicy === undefined ? "none" : "too many within each other",
          "one",
        );
      }
      return { ...firstKnown(endpointPickingPolicy, at, depth + 1), weighsLocalities: true };
    }
    default:
      return undefined;
  }
}

function decode<T extends Message>(schema: GenMessage<T>, { value }: Any): T {
  return fromBinary(schema, value);
}

function nearness(config: LocalityLbConfig | undefined): { weighsLocalities?: boolean } {
  return config?.localityConfigSpecifier.case === "localityWeightedLbConfig"
    ? { weighsLocalities: true }
    : {};
}

function choiceCount(count: number | undefined): number {
  return Math.min(10, Math.max(2, count ?? LOAD_BALANCING_DEFAULTS.choiceCount));
}

function slowStart(
  config: Pick<SlowStartConfig, "slowStartWindow" | "aggression" | "minWeightPercent"> | undefined,
): SlowStartSettings | null {
  const windowMs = decodeDuration(config?.slowStartWindow, 0);
  if (config === undefined || windowMs === 0) return null;
  const aggression = config.aggression?.defaultValue ?? 1;
  return {
    windowMs,
    aggression: aggression > 0 ? aggression : 1,
    minShare: Math.min(1, (config.minWeightPercent?.value ?? 10) / 100),
  };
}

function hashing(
  policy: "ring_hash" | "maglev",
  how: {
    readonly ringSizes?: readonly [bigint | undefined, bigint | undefined];
    readonly tableSize?: bigint | undefined;
    readonly consistent?: ConsistentHashingLbConfig | undefined;
    readonly balanceFactor?: number | undefined;
  },
): Changes {
  const { hash } = LOAD_BALANCING_DEFAULTS;
  const { ringSizes = [], tableSize, consistent } = how;
  const minRingSize = Math.min(hash.maxRingSize, Number(ringSizes[0] ?? hash.minRingSize));
  return {
    policy,
    hash: {
      keys: (consistent?.hashPolicy ?? []).flatMap(hashKey),
      minRingSize,
      maxRingSize: Math.max(
        minRingSize,
        Math.min(hash.maxRingSize, Number(ringSizes[1] ?? hash.maxRingSize)),
      ),
      tableSize: Number(tableSize ?? hash.tableSize),
      balanceFactor: consistent?.hashBalanceFactor ?? how.balanceFactor ?? hash.balanceFactor,
    },
  };
}

/** @returns none for a key that is not known: the others count. */
export function hashKey({ policySpecifier: key }: RouteAction_HashPolicy): HashKey[] {
  if (key.case === "header") return [{ kind: "header", name: key.value.headerName.toLowerCase() }];
  if (key.case === "cookie") return [{ kind: "cookie", name: key.value.name }];
  if (key.case === "connectionProperties" && key.value.sourceIp) return [{ kind: "source" }];
  return [];
}

function reported(policy: ClientSideWeightedRoundRobin): Changes {
  const { loadReports } = LOAD_BALANCING_DEFAULTS;
  const outOfBand = policy.enableOobLoadReport === true;
  return {
    policy: "client_side_weighted_round_robin",
    slowStart: slowStart(policy.slowStartConfig),
    loadReports: {
      ...loadReports,
      perRequest: !outOfBand,
      outOfBandMs: outOfBand ? decodeDuration(policy.oobReportingPeriod, 10_000) : 0,
      blackoutMs: decodeDuration(policy.blackoutPeriod, loadReports.blackoutMs),
      expiryMs: decodeDuration(policy.weightExpirationPeriod, loadReports.expiryMs),
      weightUpdateMs: Math.max(100, decodeDuration(policy.weightUpdatePeriod, loadReports.weightUpdateMs)),
      errorPenalty: policy.errorUtilizationPenalty ?? loadReports.errorPenalty,
      utilizationMetrics: policy.metricNamesForComputingUtilization,
    },
  };
}
