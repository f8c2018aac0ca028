import type { CallerGroup, Scenario } from "./scenario.ts";
import { nodeName } from "./scenario-cluster.ts";

/** One caller of a scenario: where it is and how much of the traffic it sends. */
export interface CallerPlace {
  readonly group: CallerGroup;
  readonly zone: string;
  readonly region: string;
  readonly node: string;
  /** Its part of all requests, 0 to 1, at the start. */
  readonly share: number;
}

/** @returns the callers of a scenario: the proxies first, then the foreign ones; shares sum to 1. */
export function callerPlaces(scenario: Scenario): CallerPlace[] {
  const groups = [
    ...scenario.callers.filter(({ kind }) => kind === "proxy"),
    ...scenario.callers.filter(({ kind }) => kind !== "proxy"),
  ];
  const total = groups.reduce((sum, { share }) => sum + share, 0);
  const nodes = new Map<string, number>();
  return groups.flatMap((group) => {
    const hot = Math.min(group.count, Math.ceil(group.count * group.hotShare));
    const hotTraffic = hot === group.count ? 1 : hot === 0 ? 0 : group.hotTraffic;
    return Array.from({ length: group.count }, (_, i) => {
      const number = nodes.get(group.zone) ?? 0;
      nodes.set(group.zone, number + 1);
      const ofGroup = i < hot ? hotTraffic / hot : (1 - hotTraffic) / (group.count - hot);
      return {
        group,
        zone: group.zone,
        region: group.region,
        node: nodeName(group.zone, number),
        share: (group.share / total) * ofGroup,
      };
    });
  });
}
