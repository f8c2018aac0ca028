/** Something a person should know, with what to do. */
export interface Finding {
  /** `bad`: something does not work; `warning`: it will not, or not as well as it might; `good`: looked at, and well. */
  readonly level: "good" | "warning" | "bad";
  /** What was looked at, in a word or two: for programs, and as the beginning of the line. */
  readonly check: string;
  /** Nodes, namespaces or Services that it is about; empty: everything. */
  readonly where: readonly string[];
  readonly found: string;
  /** "" where there is nothing to do. */
  readonly toDo: string;
}

const MARK = { good: "✓", warning: "!", bad: "✗" } as const;
const MOST_NAMES = 5;

/** What is bad first. */
export function bySeverity(findings: readonly Finding[]): Finding[] {
  const order = { bad: 0, warning: 1, good: 2 };
  return findings.toSorted((a, b) => order[a.level] - order[b.level]);
}

/** @returns lines for people. */
export function findingsText(findings: readonly Finding[]): string {
  return bySeverity(findings)
    .map(({ level, check, where, found, toDo }) => {
      const names = where.slice(0, MOST_NAMES).join(", ");
      const more = where.length > MOST_NAMES ? ` and ${where.length - MOST_NAMES} more` : "";
      const place = where.length === 0 ? "" : ` (${names}${more})`;
      return `${MARK[level]} ${check}: ${found}${place}\n${toDo === "" ? "" : `    → ${toDo}\n`}`;
    })
    .join("");
}
