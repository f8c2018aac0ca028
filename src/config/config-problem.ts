/** One thing that is wrong with a configuration file, said so that a person can mend it without the manual. */
export interface ConfigProblem {
  /** The file as the caller named it. */
  readonly file: string;
  /** 1-based; 0 when the problem has no place in the file (it cannot be read, or an environment variable is wrong). */
  readonly line: number;
  /** 1-based; 0 when there is no line. */
  readonly column: number;
  /** Where in the structure, such as `clusters[0].endpoints[1].address`; empty for the file as a whole. */
  readonly path: string;
  /** The value as found, shortened, in JSON notation; or a word such as "nothing". */
  readonly found: string;
  /** What would have been right. */
  readonly wanted: string;
  /** What to do about it; empty when `wanted` says it all. */
  readonly advice: string;
}

const MAX_FOUND_LENGTH = 80;

/** @returns one line: `file:line:column: path: found …, wanted …; advice`. */
export function formatConfigProblem(problem: ConfigProblem): string {
  const place = problem.line > 0 ? `${problem.file}:${problem.line}:${problem.column}` : problem.file;
  const path = problem.path === "" ? "" : `${problem.path}: `;
  const advice = problem.advice === "" ? "" : `; ${problem.advice}`;
  return `${place}: ${path}found ${problem.found}, wanted ${problem.wanted}${advice}`;
}

/** @returns a value of the file in JSON notation, cut to a length that fits a line; "nothing" for an absent one. */
export function describeFound(value: unknown): string {
  if (value === undefined || value === null) return "nothing";
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= MAX_FOUND_LENGTH ? text : `${text.slice(0, MAX_FOUND_LENGTH - 1)}…`;
}

/** @returns a path in the notation of the error messages: keys joined by dots, positions in brackets. */
export function formatConfigPath(path: readonly PropertyKey[]): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else text += text === "" ? String(step) : `.${String(step)}`;
  }
  return text;
}
