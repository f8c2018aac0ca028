import type { HeaderChanges } from "../resource/route.ts";

/**
 * Changes fields as a route says: what HeaderChange does with field blocks.
 *
 * @param fields names (in lower case) and values by turns.
 * @param changes null: none.
 */
export function changeFields(fields: string[], changes: HeaderChanges | null | undefined): string[] {
  if (changes == null) return fields;
  const removed = new Set([...changes.remove, ...Object.keys(changes.set)]);
  const kept: string[] = [];
  for (let i = 0; i < fields.length; i += 2)
    if (!removed.has(fields[i]!)) kept.push(fields[i]!, fields[i + 1]!);
  return [...kept, ...Object.entries(changes.set).flat(), ...Object.entries(changes.add).flat()];
}
