import type { FSWatcher } from "node:fs";
import { watch } from "node:fs";
import { join } from "node:path";

/** Changes of files that come together are taken together, in milliseconds. */
const GATHER_MS = 15;

/**
 * Tells of changes in the folders of generations within some milliseconds; who looks each second finds them anyway. Not `recursive`, which on Linux
 * is a watch for every file.
 */
export class FolderWatches {
  readonly #path: string;
  readonly #onChange: () => void;
  readonly #watchers = new Map<string, FSWatcher>();
  #gathering: NodeJS.Timeout | undefined;

  constructor(path: string, onChange: () => void) {
    this.#path = path;
    this.#onChange = onChange;
  }

  /** Watches these folders from now on, and the one they are in. */
  follow(generations: Iterable<string>): void {
    const wanted = new Set(["", ...generations]);
    for (const [name, watcher] of this.#watchers) {
      if (wanted.has(name)) continue;
      watcher.close();
      this.#watchers.delete(name);
    }
    for (const name of wanted) if (!this.#watchers.has(name)) this.#add(name);
  }

  close(): void {
    clearTimeout(this.#gathering);
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  #add(name: string): void {
    try {
      const watcher = watch(join(this.#path, name), (_event, file) => this.#note(name, file));
      watcher.on("error", () => watcher.close());
      this.#watchers.set(name, watcher);
    } catch {
      // Gone meanwhile, or the kernel has no more watches to give.
    }
  }

  #note(folder: string, file: string | null): void {
    // What capture writes itself is no news.
    const isNews =
      folder === "" ? !file?.startsWith("capture.json") : file === "plan.json" || file === "generation.json";
    if (!isNews || this.#gathering !== undefined) return;
    this.#gathering = setTimeout(() => {
      this.#gathering = undefined;
      this.#onChange();
    }, GATHER_MS);
  }
}
