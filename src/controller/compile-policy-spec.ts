import { checkBalancing } from "../config/check-balancing.ts";
import { checkRequests } from "../config/check-requests.ts";
import type { ClusterConfig, Config } from "../config/config.ts";
import { formatConfigPath } from "../config/config-problem.ts";
import { durationMs } from "../config/duration-ms.ts";
import { schemaProblems } from "../config/schema-problems.ts";
import {
  loadBalancingFromConfig,
  poolFromConfig,
  settingsFromConfig,
} from "../discovery/settings-from-config.ts";
import type { LoadBalancing } from "../resource/load-balancing.ts";
import type { ServiceObjectives } from "../resource/service-objectives.ts";
import type { PolicySpec } from "./policy-spec-schema.ts";
import { policySpecSchema } from "./policy-spec-schema.ts";
import type { Problem } from "./problem.ts";
import type { ServiceOverrides } from "./service-overrides.ts";

/** Either what a spec says, or all that is wrong with it. */
export type CompiledSpec =
  | { readonly overrides: ServiceOverrides; readonly spec: PolicySpec; readonly problems?: undefined }
  | { readonly overrides?: undefined; readonly problems: readonly Problem[] };

/** Keys of `loadBalancer` that count only where they stand; the others count together. */
const SUBSECTIONS = ["locality", "slowStart", "hash", "loadReports", "resourceWeight", "subset"] as const;
const NOWHERE = { line: 0, column: 0 };

/**
 * Reads what a TrafficPolicy's spec, or annotations put together, say. A section that stands in it counts whole, with the defaults of
 * what it leaves out; what does not stand in it is left to others.
 *
 * @param raw as the API server has it.
 */
export function compilePolicySpec(raw: unknown): CompiledSpec {
  const parsed = policySpecSchema.safeParse(raw);
  if (!parsed.success) {
    const positions = { ofKey: () => NOWHERE, ofValue: () => NOWHERE };
    const problems = parsed.error.issues.flatMap((issue) =>
      schemaProblems(issue, raw, { file: "", schema: policySpecSchema, positions }),
    );
    return { problems: problems.map((problem) => said(problem.path, problem)) };
  }
  const cluster = asCluster(parsed.data);
  // The checks across keys are those of the proxy's own file; they look at nothing else of it.
  const config = { clusters: [cluster], node: { id: "", zone: "", region: "" } } as unknown as Config;
  const findings = [...checkRequests(config), ...checkBalancing(config)];
  if (findings.length > 0) {
    return { problems: findings.map((finding) => said(formatConfigPath(finding.path.slice(2)), finding)) };
  }
  return { overrides: overridesOf(raw as RawSpec, parsed.data, cluster), spec: parsed.data };
}

function said(
  field: string,
  { found, wanted, advice }: { readonly found: string; readonly wanted: string; readonly advice: string },
): Problem {
  return { field, text: `found ${found}, wanted ${wanted}${advice === "" ? "" : `; ${advice}`}` };
}

/** The spec as a cluster of the proxy's own file, whose code then reads it. */
function asCluster(spec: PolicySpec): ClusterConfig {
  const { loadBalancer, timeouts = {}, connectionPool } = spec;
  return {
    ...spec,
    name: "",
    endpoints: [],
    timeouts,
    connectionPool: connectionPool ?? { tcp: {}, http: NO_LIMITS },
    loadBalancer: loadBalancer ?? policySpecSchema.shape.loadBalancer.unwrap().parse({}),
  } as unknown as ClusterConfig;
}

const NO_LIMITS = { maxRequestsPerConnection: 0, maxRequestsPerEndpoint: 0, maxRequests: 0 };

interface RawSpec {
  readonly loadBalancer?: Readonly<Record<string, unknown>>;
}

function overridesOf(raw: RawSpec, spec: PolicySpec, cluster: ClusterConfig): ServiceOverrides {
  const settings = settingsFromConfig(cluster);
  const pool = poolFromConfig(cluster);
  const { retries, timeouts, connectionPool, endpoints, keepalive, maxPendingStreams } = spec;
  const tcp = connectionPool?.tcp;
  return defined<ServiceOverrides>({
    loadBalancing:
      raw.loadBalancer === undefined
        ? undefined
        : standingSections(raw.loadBalancer, loadBalancingFromConfig(cluster.loadBalancer)),
    settings: defined<NonNullable<ServiceOverrides["settings"]>>({
      outlierDetection: spec.outlierDetection && settings.outlierDetection,
      healthCheck: spec.healthCheck && settings.healthCheck,
      hedging: spec.hedging && settings.hedging,
      retries: retries && (retries.attempts === 1 ? null : settings.retries),
      retryBudget: retries && settings.retryBudget,
      timeouts:
        timeouts?.request === undefined && timeouts?.idle === undefined ? undefined : settings.timeouts,
      circuit: connectionPool && settings.circuit,
    }),
    cluster: defined<NonNullable<ServiceOverrides["cluster"]>>({
      connectTimeoutMs:
        (timeouts?.connect ?? tcp?.connectTimeout) === undefined ? undefined : pool.connectTimeoutMs,
      maxConnectionsPerEndpoint: tcp?.maxConnections && pool.maxConnectionsPerEndpoint,
      h2UpgradePolicy: (spec.h2UpgradePolicy ?? connectionPool?.http.h2UpgradePolicy) && pool.h2UpgradePolicy,
      maxPendingStreams,
      protocol: spec.protocol,
      keepaliveTimeMs: keepalive?.timeMs,
      keepaliveTimeoutMs: keepalive?.timeoutMs,
    }),
    endpointLabels: endpoints?.labels,
    weightLabel: endpoints === undefined ? undefined : (endpoints.weightLabel ?? ""),
    slo: spec.slo && objectivesOf(spec.slo),
  });
}

function objectivesOf({ p95, errorRate, success }: NonNullable<PolicySpec["slo"]>): ServiceObjectives {
  return defined<ServiceObjectives>({
    p95Ms: p95 === undefined ? undefined : durationMs(p95),
    errorRate,
    success,
  });
}

function standingSections(
  raw: Readonly<Record<string, unknown>>,
  whole: LoadBalancing,
): Partial<LoadBalancing> {
  const standing: Partial<Record<keyof LoadBalancing, unknown>> = { ...whole };
  for (const section of SUBSECTIONS) if (raw[section] === undefined) delete standing[section];
  return standing as Partial<LoadBalancing>;
}

/** @returns the object without the keys that say nothing, so that merging leaves those to others. */
function defined<T extends object>(object: { readonly [Key in keyof T]: T[Key] | undefined }): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;
}
