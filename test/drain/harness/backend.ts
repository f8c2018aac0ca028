import { readFile } from "node:fs/promises";
import { Child } from "../../clients/harness/child.ts";
import type { Program } from "../../clients/harness/language.ts";

const READY_LIMIT_MS = 30_000;

/** A server of the Echo service in a process of its own, which writes down the id of each call it begins to process. */
export class Backend {
  readonly child: Child;
  readonly address: string;
  readonly journal: string;

  private constructor(child: Child, address: string, journal: string) {
    this.child = child;
    this.address = address;
    this.journal = journal;
  }

  /** @param port 0 for a free one. @param more further arguments. */
  static async start(
    program: Program,
    name: string,
    journal: string,
    port = 0,
    more: readonly string[] = [],
  ): Promise<Backend> {
    const args = ["serve", "--port", `${port}`, "--name", name, "--journal", journal, ...more];
    const child = new Child(program, args);
    const [, address] = await child.waitForOutput(/^ready (\S+)$/m, READY_LIMIT_MS);
    return new Backend(child, address!, journal);
  }

  get port(): number {
    return Number(this.address.slice(this.address.lastIndexOf(":") + 1));
  }
}

/** @returns ids that were processed more than once, over all journals. */
export async function processedTwice(journals: readonly string[]): Promise<string[]> {
  const seen = new Set<string>();
  const twice: string[] = [];
  for (const journal of new Set(journals)) {
    for (const id of (await readFile(journal, "utf8")).split("\n")) {
      if (id === "") continue;
      if (seen.has(id)) twice.push(id);
      seen.add(id);
    }
  }
  if (seen.size === 0) throw new Error("the journals are empty: nothing was counted");
  return twice;
}
