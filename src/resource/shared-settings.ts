import type { ClusterSettings } from "./cluster-settings.ts";
import { settingsOf } from "./settings-changes.ts";

/** The oldest goes first. */
const MAX_SHARED = 256;
const settingsByText = new Map<string, ClusterSettings>();

/**
 * Most services of a cluster have the same settings, 3 KB of objects each: equal ones are one object here, so that they can be compared by
 * identity, too. Never to be written to.
 *
 * @param text as settingsChanges gives it.
 */
export function sharedSettings(text: string): ClusterSettings {
  const known = settingsByText.get(text);
  if (known !== undefined) return known;
  const settings = settingsOf(text);
  if (settingsByText.size >= MAX_SHARED) settingsByText.delete(settingsByText.keys().next().value!);
  settingsByText.set(text, settings);
  return settings;
}
