import type { OutlierDetection } from "../../resource/outlier-detection.ts";

/** What one endpoint answered within the interval. */
export interface OutcomeCounts {
  readonly successes: number;
  readonly failures: number;
}

/** An endpoint whose rate stands out. */
export interface RateOutlier {
  /** Its place among those asked about. */
  readonly index: number;
  readonly reason: "success_rate" | "failure_share";
  /** Share of its requests that failed. */
  readonly failedShare: number;
}

/** An endpoint stands out by its success rate only if that is lower than the mean by so much at least. */
const LEAST_GAP = 0.01;
/** … and by so many standard errors of a count of its size: less is chance. */
const LEAST_ERRORS = 3;
/** One that fails its share is left where the others fail at least half as much: then they have a common cause. */
const COMMON_CAUSE = 0.5;

/**
 * Finds the endpoints that fail more than the others, the worst first.
 *
 * - Success rate: below mean - factor × standard deviation, as Envoy has it. There a service of which all endpoints answer 99.99 %
 *   loses the one with 99.9 %; here the gap has to be more than chance as well.
 * - Failure share: at or above the limit, while the others together fail less than half as much.
 *
 * Source: Envoy, outlier detection; gRFC A50.
 */
export function rateOutliers(hosts: readonly OutcomeCounts[], settings: OutlierDetection): RateOutlier[] {
  const found = new Map<number, RateOutlier>();
  for (const outlier of bySuccessRate(hosts, settings)) found.set(outlier.index, outlier);
  for (const outlier of byFailureShare(hosts, settings))
    if (!found.has(outlier.index)) found.set(outlier.index, outlier);
  return [...found.values()].sort((a, b) => b.failedShare - a.failedShare);
}

function bySuccessRate(hosts: readonly OutcomeCounts[], settings: OutlierDetection): RateOutlier[] {
  const { successRateStdevFactor, successRateMinHosts, successRateMinRequests } = settings;
  if (successRateStdevFactor <= 0) return [];
  const judged = withRequests(hosts, successRateMinRequests);
  if (judged.length < Math.max(successRateMinHosts, 2)) return [];
  const rates = judged.map((index) => 1 - failedShare(hosts[index]!));
  const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
  const variance = rates.reduce((sum, rate) => sum + (rate - mean) ** 2, 0) / rates.length;
  const limit = mean - successRateStdevFactor * Math.sqrt(variance);
  return judged.flatMap((index, i): RateOutlier[] => {
    const rate = rates[i]!;
    const chance = LEAST_ERRORS * Math.sqrt((mean * (1 - mean)) / requestsOf(hosts[index]!));
    if (rate >= limit || mean - rate < Math.max(LEAST_GAP, chance)) return [];
    return [{ index, reason: "success_rate", failedShare: 1 - rate }];
  });
}

function byFailureShare(hosts: readonly OutcomeCounts[], settings: OutlierDetection): RateOutlier[] {
  const { failureShare, failureMinHosts, failureMinRequests } = settings;
  if (failureShare <= 0) return [];
  const judged = withRequests(hosts, failureMinRequests);
  if (judged.length < failureMinHosts) return [];
  let requests = 0;
  let failures = 0;
  for (const host of hosts) {
    requests += requestsOf(host);
    failures += host.failures;
  }
  return judged.flatMap((index): RateOutlier[] => {
    const host = hosts[index]!;
    const share = failedShare(host);
    if (share < failureShare) return [];
    const others = (failures - host.failures) / Math.max(1, requests - requestsOf(host));
    if (others > share * COMMON_CAUSE) return [];
    return [{ index, reason: "failure_share", failedShare: share }];
  });
}

function withRequests(hosts: readonly OutcomeCounts[], least: number): number[] {
  return hosts.flatMap((host, index) => (requestsOf(host) >= least ? [index] : []));
}

function requestsOf({ successes, failures }: OutcomeCounts): number {
  return successes + failures;
}

function failedShare(host: OutcomeCounts): number {
  return host.failures / Math.max(1, requestsOf(host));
}
