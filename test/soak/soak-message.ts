/** What the soak's parent asks of its children; the answer comes back with the same `id`. */
export type SoakRequest = { readonly id: number } & (
  | { readonly ask: "apply"; readonly ports: readonly number[] }
  | { readonly ask: "quiesce" }
  | { readonly ask: "measure" }
  | { readonly ask: "churn"; readonly draw: number }
  | { readonly ask: "run"; readonly port: number; readonly seed: number; readonly milliseconds: number }
  | { readonly ask: "tally" }
);

/** What is left in the proxy when nobody uses it. */
export interface Residue {
  readonly heapOctets: number;
  /** Handles and timers by kind, as `kind × count`. */
  readonly resources: string;
  readonly slabOctets: number;
  readonly streams: number;
  readonly connections: number;
  readonly inFlight: number;
  /** What stream windows have grown by. */
  readonly grownWindowOctets: number;
  readonly started: number;
  readonly finished: number;
  /** Writes to sockets, and those of them that the kernel did not take whole. */
  readonly writes: number;
  readonly keptWrites: number;
}

/** How the calls of one client, or what one backend saw of them, turned out. */
export interface Tally {
  /** Calls by how they ended. */
  readonly ends: Readonly<Record<string, number>>;
  readonly octets: number;
  /** The first octets or values that were not what they should be, for people. */
  readonly foreign: readonly string[];
}
