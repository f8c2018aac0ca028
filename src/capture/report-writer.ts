import { captureLog } from "./capture-log.ts";
import type { CaptureReport } from "./capture-report.ts";
import type { RunFolder } from "./run-folder.ts";

/** Writes what capture says of itself; a disk that takes its time holds up nobody, and gets the newest when it is done. */
export class ReportWriter {
  readonly #folder: Pick<RunFolder, "write">;
  #next: CaptureReport | undefined;
  #writing: Promise<void> | undefined;
  #problem = "";

  constructor(folder: Pick<RunFolder, "write">) {
    this.#folder = folder;
  }

  /** Resolves when everything is written, or could not be. */
  get done(): Promise<void> {
    return this.#writing ?? Promise.resolve();
  }

  /** Has it written soon; one that waits is replaced. */
  write(report: CaptureReport): void {
    this.#next = report;
    this.#writing ??= this.#run();
  }

  async #run(): Promise<void> {
    while (this.#next !== undefined) {
      const text = `${JSON.stringify(this.#next)}\n`;
      this.#next = undefined;
      const problem = await this.#folder.write(text).then(
        () => "",
        (error: Error) => error.message,
      );
      // Once for each problem: it may be the same one each second, for days.
      if (problem !== "" && problem !== this.#problem)
        captureLog("error", "cannot tell the proxies what is captured", { problem });
      this.#problem = problem;
    }
    this.#writing = undefined;
  }
}
