import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

/** What a program was seen doing. */
export interface WitnessedEvent {
  /** Octets with a stamp were `read` or `written`; garbage was `collected`; an endpoint was `dialed`. */
  readonly what: string;
  /** The stamp; of `collected` how long it took, in ms; of `dialed` the host. */
  readonly value: string;
  /** In ms since 1970. */
  readonly atMs: number;
  /** Which connection, by its client's port. */
  readonly port: number;
}

/** Notes are written out several times in this time. */
const SETTLE_MS = 600;

/** Sees when a program of ours reads and writes octets that bear the time of a write. */
export class Witness {
  readonly #file: string;

  /** @param file where its notes go. */
  constructor(file: string) {
    this.#file = file;
  }

  /** What the program is started with, before its own arguments. */
  get args(): readonly string[] {
    return ["--import", fileURLToPath(new URL("stamp-witness.ts", import.meta.url))];
  }

  get environment(): Readonly<Record<string, string>> {
    return { ISOBAR_BENCH_WITNESS: this.#file };
  }

  /** @returns everything up to now, in the order of time. */
  async events(): Promise<WitnessedEvent[]> {
    await sleep(SETTLE_MS);
    const lines = readFileSync(this.#file, "latin1").split("\n").slice(0, -1);
    return lines.map((line) => {
      const [what = "", value = "", atMs, port] = line.split(" ");
      return { what, value, atMs: Number(atMs), port: Number(port) };
    });
  }
}
