/** Something that is wrong with an object of the API server, for its status and an Event. */
export interface Problem {
  /** The field, as people write it: `spec.loadBalancer.policy`. */
  readonly field: string;
  /** What was found, what was wanted, what to do. */
  readonly text: string;
}

/** Longest message of a condition. Source: Kubernetes API, meta/v1 Condition. Events take less. */
const MAX_MESSAGE = 1_000;

/** @returns all problems in one line, cut to what Kubernetes takes. */
export function problemsText(problems: readonly Problem[]): string {
  const text = problems.map(({ field, text: said }) => `${field}: ${said}`).join("; ");
  return text.length <= MAX_MESSAGE ? text : `${text.slice(0, MAX_MESSAGE - 1)}…`;
}
