/** What is asked cannot be answered. */
export class QueryProblem extends Error {
  override readonly name = "QueryProblem";
  /** HTTP status. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const MAX_TEXT = 300;

/** @returns a text of the query; "" where there is none. @throws QueryProblem when it is longer than anything can be. */
export function textOf(query: URLSearchParams, key: string): string {
  const text = query.get(key) ?? "";
  if (text.length > MAX_TEXT)
    throw new QueryProblem(400, `${key}: found ${text.length} characters, wanted at most ${MAX_TEXT}`);
  return text;
}

/** @returns a whole number of the query. @throws QueryProblem when it is none, or out of its range. */
export function wholeNumberOf(
  query: URLSearchParams,
  key: string,
  usual: number,
  least: number,
  most: number,
): number {
  const text = query.get(key);
  if (text === null) return usual;
  const number = /^\d{1,7}$/.test(text) ? Number(text) : Number.NaN;
  if (!(number >= least && number <= most))
    throw new QueryProblem(400, `${key}: found "${text}", wanted a whole number from ${least} to ${most}`);
  return number;
}
