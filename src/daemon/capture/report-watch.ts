import type { FSWatcher } from "node:fs";
import { watch } from "node:fs";

/** What `isobar capture` writes of itself in the run directory. */
export const REPORT_FILE = "capture.json";

/** Tells at once that capture has written its file anew; who looks twice a second finds it anyway, where the kernel has no watches left or the folder is another. */
export class ReportWatch {
  readonly #watcher: FSWatcher | undefined;

  constructor(runDir: string, onChange: () => void) {
    try {
      this.#watcher = watch(runDir, { persistent: false }, (_event, file) => {
        if (file === REPORT_FILE) onChange();
      });
      this.#watcher.on("error", () => this.#watcher?.close());
    } catch {
      // Not there, or no watches left.
    }
  }

  close(): void {
    this.#watcher?.close();
  }
}
