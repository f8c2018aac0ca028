/** What is wrong between several keys, before it is tied to a file. */
export interface CrossFinding {
  readonly path: readonly PropertyKey[];
  readonly found: string;
  readonly wanted: string;
  readonly advice: string;
}
