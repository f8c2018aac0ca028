/** Beyond this many the tables begin anew: what is kept elsewhere stays, only less of it is shared. */
const MOST = 65_536;

const texts = new Map<string, string>();
const labelSets = new Map<string, Readonly<Record<string, string>>>();
const NO_LABELS: Readonly<Record<string, string>> = Object.freeze({});

/**
 * Makes equal texts one: names of nodes, zones and namespaces stand in as many objects as there are pods.
 *
 * @returns the text as it was first seen.
 */
export function shareText(text: string): string {
  const known = texts.get(text);
  if (known !== undefined) return known;
  if (texts.size >= MOST) texts.clear();
  texts.set(text, text);
  return text;
}

/**
 * Makes equal label sets one: pods of a ReplicaSet differ in nothing there.
 *
 * @returns a frozen set with these labels; equal sets are mostly the same object.
 */
export function shareLabels(
  labels: Readonly<Record<string, string>> | undefined,
): Readonly<Record<string, string>> {
  if (labels === undefined) return NO_LABELS;
  const key = JSON.stringify(labels);
  const known = labelSets.get(key);
  if (known !== undefined) return known;
  if (labelSets.size >= MOST) labelSets.clear();
  const shared: Record<string, string> = {};
  for (const [name, value] of Object.entries(labels)) shared[shareText(name)] = shareText(value);
  labelSets.set(key, Object.freeze(shared));
  return shared;
}
