import { constants } from "node:fs";
import { open, readdir, rename, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { GenerationFile } from "./generation-file.ts";
import { GENERATION_NAME, parseGenerationFile } from "./generation-file.ts";
import type { Plan } from "./plan.ts";
import { parsePlan } from "./plan.ts";

/** A generation as its folder shows it. */
export interface FoundGeneration {
  readonly file: GenerationFile;
  readonly plan: Plan | undefined;
}

/** Generations that have not written for so long are not looked at any more. */
const FORGOTTEN_MS = 600_000;
const MOST_GENERATIONS = 64;
const MOST_OCTETS = 64 * 1024 * 1024;

interface Remembered {
  readonly mark: string;
  readonly plan: Plan;
}

/** The folder that all generations of a node's proxy and its capture share. Plans are read again only when their file is another. */
export class RunFolder {
  readonly #path: string;
  readonly #onProblem: (generation: string, problem: string) => void;
  readonly #plans = new Map<string, Remembered>();
  readonly #problems = new Map<string, string>();

  /** @param onProblem told once for each thing that is wrong with a generation's files. */
  constructor(path: string, onProblem: (generation: string, problem: string) => void) {
    this.#path = path;
    this.#onProblem = onProblem;
  }

  /** @returns all generations that wrote within the last ten minutes. One with files that cannot be read is as one that is gone. */
  async read(): Promise<readonly FoundGeneration[]> {
    const names = await readdir(this.#path).catch(() => []);
    const found: FoundGeneration[] = [];
    for (const name of names) {
      if (!GENERATION_NAME.test(name) || found.length === MOST_GENERATIONS) continue;
      const generation = await this.#readGeneration(name);
      if (generation !== undefined) found.push(generation);
    }
    const present = new Set(names);
    for (const name of this.#plans.keys()) if (!present.has(name)) this.#plans.delete(name);
    for (const name of this.#problems.keys()) if (!present.has(name)) this.#problems.delete(name);
    return found;
  }

  /** Writes capture's own file, whole or not at all. */
  async write(text: string): Promise<void> {
    const path = join(this.#path, "capture.json");
    const next = `${path}.next`;
    // Others may write in this folder: what they put in the file's place is neither followed nor kept.
    await unlink(next).catch(() => {});
    const handle = await open(next, "wx", 0o644);
    try {
      await handle.writeFile(text);
    } finally {
      await handle.close();
    }
    await rename(next, path);
  }

  async #readGeneration(name: string): Promise<FoundGeneration | undefined> {
    const folder = join(this.#path, name);
    const path = join(folder, "generation.json");
    const { mtimeMs, isFile } = await stat(path).then(
      (each) => ({ mtimeMs: each.mtimeMs, isFile: each.isFile() }),
      () => ({ mtimeMs: 0, isFile: false }),
    );
    if (!isFile || Date.now() - mtimeMs > FORGOTTEN_MS) return undefined;
    try {
      const file = parseGenerationFile(await readText(path), name);
      return { file, plan: await this.#readPlan(name, join(folder, "plan.json")) };
    } catch (error) {
      this.#tell(name, error);
      return undefined;
    }
  }

  async #readPlan(name: string, path: string): Promise<Plan | undefined> {
    const mark = await stat(path).then(
      ({ ino, mtimeMs, size }) => `${ino} ${mtimeMs} ${size}`,
      () => undefined,
    );
    const known = this.#plans.get(name);
    if (mark === undefined || known?.mark === mark) {
      this.#problems.delete(name);
      return mark === undefined ? undefined : known?.plan;
    }
    try {
      const plan = parsePlan(await readText(path));
      this.#plans.set(name, { mark, plan });
      this.#problems.delete(name);
      return plan;
    } catch (error) {
      this.#tell(name, error);
      // What it wanted before stays better than nothing.
      return known?.plan;
    }
  }

  #tell(name: string, error: unknown): void {
    const problem = error instanceof Error ? error.message : String(error);
    if (this.#problems.get(name) === problem) return;
    this.#problems.set(name, problem);
    this.#onProblem(name, problem);
  }
}

async function readText(path: string): Promise<string> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const { size } = await handle.stat();
    if (size > MOST_OCTETS) throw new RangeError(`${path}: ${size} octets, more than ${MOST_OCTETS}`);
    return await handle.readFile("utf8");
  } finally {
    await handle.close();
  }
}
