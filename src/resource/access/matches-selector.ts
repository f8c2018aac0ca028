import type { Selector } from "./access-policy.ts";

type Labels = Readonly<Record<string, string>>;

/** @returns whether labels fulfil all conditions. Source: Kubernetes, "Labels and Selectors". */
export function matchesSelector({ matchLabels, matchExpressions }: Selector, labels: Labels): boolean {
  for (const [key, value] of Object.entries(matchLabels)) if (labelOf(labels, key) !== value) return false;
  return matchExpressions.every(({ key, operator, values }) => {
    const value = labelOf(labels, key);
    if (operator === "In") return value !== undefined && values.includes(value);
    // Who has no such label has none of the values.
    if (operator === "NotIn") return value === undefined || !values.includes(value);
    if (operator === "Exists") return value !== undefined;
    return operator === "DoesNotExist" && value === undefined;
  });
}

/** Labels come from outside: `constructor` is none unless it stands there. */
function labelOf(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}
