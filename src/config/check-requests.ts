import type { ClusterConfig, Config } from "./config.ts";
import { describeFound, formatConfigPath } from "./config-problem.ts";
import type { CrossFinding } from "./cross-finding.ts";
import { durationMs } from "./duration-ms.ts";

interface Said {
  readonly path: readonly PropertyKey[];
  readonly found: string;
  /** Comparable, whatever the unit it was written in. */
  readonly value: number | string;
}

/** Checks what clusters say about requests and connections: keys that say the same twice, and retries that could never happen. */
export function checkRequests(config: Config): CrossFinding[] {
  return config.clusters.flatMap((cluster, index) => [
    ...checkTwice(cluster, ["clusters", index]),
    ...checkRetries(cluster, ["clusters", index, "retries"]),
  ]);
}

/** Several names for one thing are accepted, several values are not: which of them would count? */
function checkTwice(cluster: ClusterConfig, path: readonly PropertyKey[]): CrossFinding[] {
  const { timeouts, connectionPool } = cluster;
  const { tcp, http } = connectionPool;
  return [
    ...differing([
      plain([...path, "connectTimeoutMs"], cluster.connectTimeoutMs),
      duration([...path, "timeouts", "connect"], timeouts.connect),
      duration([...path, "connectionPool", "tcp", "connectTimeout"], tcp.connectTimeout),
    ]),
    ...differing([
      plain([...path, "maxConnectionsPerEndpoint"], cluster.maxConnectionsPerEndpoint),
      plain([...path, "connectionPool", "tcp", "maxConnections"], tcp.maxConnections),
    ]),
    ...differing([
      plain([...path, "h2UpgradePolicy"], cluster.h2UpgradePolicy),
      plain([...path, "connectionPool", "http", "h2UpgradePolicy"], http.h2UpgradePolicy),
    ]),
  ];
}

function plain(path: readonly PropertyKey[], value: number | string | undefined): Said | undefined {
  return value === undefined ? undefined : { path, value, found: describeFound(value) };
}

function duration(path: readonly PropertyKey[], text: string | undefined): Said | undefined {
  return text === undefined ? undefined : { path, value: durationMs(text), found: describeFound(text) };
}

function differing(keys: readonly (Said | undefined)[]): CrossFinding[] {
  const [first, ...others] = keys.filter((key) => key !== undefined);
  return others
    .filter(({ value }) => value !== first!.value)
    .map(({ path, found }) => ({
      path,
      found,
      wanted: `the same as ${formatConfigPath(first!.path)} (${first!.found}), which is another name for it`,
      advice: "remove one of the two",
    }));
}

function checkRetries({ retries }: ClusterConfig, path: readonly PropertyKey[]): CrossFinding[] {
  if (retries === undefined) return [];
  const findings: CrossFinding[] = [];
  if (durationMs(retries.backoffBase) > durationMs(retries.backoffMax)) {
    findings.push({
      path: [...path, "backoffBase"],
      found: describeFound(retries.backoffBase),
      wanted: `at most backoffMax (${retries.backoffMax})`,
      advice: "lower it, or raise backoffMax",
    });
  }
  const { share, minPerSecond } = retries.budget;
  if (retries.attempts > 1 && share === 0 && minPerSecond === 0) {
    findings.push({
      path: [...path, "budget"],
      found: "share: 0 and minPerSecond: 0",
      wanted: "one of them above 0",
      advice: "without a budget nothing is ever sent again: set attempts: 1 if that is what is meant",
    });
  }
  return findings;
}
