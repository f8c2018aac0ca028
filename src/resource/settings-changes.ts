import type { ClusterSettings } from "./cluster-settings.ts";
import { CLUSTER_SETTINGS_DEFAULTS, clusterSettings } from "./cluster-settings.ts";
import { LOAD_BALANCING_DEFAULTS } from "./load-balancing.ts";

/**
 * @returns as JSON what settings have other than the defaults: most services of thousands have nothing, where all of it is 0.8 KB. Read by {@link settingsOf} of the same
 *   format version of snapshots, which goes up when a default changes.
 */
export function settingsChanges(settings: ClusterSettings): string {
  const { loadBalancing, ...others } = settings;
  const changes: Record<string, unknown> = changesOf(others, CLUSTER_SETTINGS_DEFAULTS);
  const balancing = changesOf(loadBalancing, LOAD_BALANCING_DEFAULTS);
  if (Object.keys(balancing).length > 0) changes["loadBalancing"] = balancing;
  return JSON.stringify(changes);
}

/** @param text what {@link settingsChanges} gave. */
export function settingsOf(text: string): ClusterSettings {
  return clusterSettings(JSON.parse(text) as Parameters<typeof clusterSettings>[0]);
}

function changesOf(settings: object, defaults: object): Record<string, unknown> {
  const usual = new Map(Object.entries(defaults));
  const differing = Object.entries(settings).filter(
    ([name, value]) => value !== usual.get(name) && JSON.stringify(value) !== JSON.stringify(usual.get(name)),
  );
  return Object.fromEntries(differing);
}
