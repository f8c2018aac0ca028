import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Child } from "../../clients/harness/child.ts";
import { REPOSITORY } from "../../clients/harness/paths.ts";
import type { BoxNamespace } from "./box-namespace.ts";
import type { Release } from "./releases.ts";

const LIMIT_MS = 60_000;

/** The module that runs commands of isobar. */
export const LAUNCHER: string = join(REPOSITORY, "src/cli/launch.mjs");

/** @returns of Node what runs isobar: today's, or another release of it. */
export function isobarOf(release: Release | undefined): readonly string[] {
  return release === undefined ? [LAUNCHER] : [join(import.meta.dirname, "other-release.ts"), release];
}

/** A command of isobar that runs on a node, with its log in a file. */
export class LoggedProgram {
  /** Whether it has ended, however. */
  hasEnded = false;
  readonly #child: Child;
  readonly #log: string;

  /** @param log the file its standard error goes to. @param args of Node: a module and what it is told. */
  constructor(machine: BoxNamespace, log: string, args: readonly string[]) {
    this.#log = log;
    const shell = { command: "sh", args: ["-c", `exec "$0" "$@" 2>"${log}"`, process.execPath] };
    this.#child = new Child(machine.enter(shell), args);
    void this.#child.ended.then(() => {
      this.hasEnded = true;
    });
  }

  get pid(): number {
    return this.#child.pid!;
  }

  get lines(): readonly string[] {
    try {
      return readFileSync(this.#log, "utf8").split("\n");
    } catch {
      return [];
    }
  }

  /** Its resident memory in MiB: its own, and files' (Node's code, for one), which the processes of one Pod have but once. */
  get memory(): { readonly ownMib: number; readonly filesMib: number } {
    const status = readFileSync(`/proc/${this.pid}/status`, "utf8");
    const mib = (name: string): number =>
      Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) / 1_024;
    return { ownMib: mib("RssAnon") + mib("RssShmem"), filesMib: mib("RssFile") };
  }

  signal(name: NodeJS.Signals): void {
    this.#child.signal(name);
  }

  /** @returns the lines of the log that match, when there are any. */
  async logged(wanted: RegExp): Promise<readonly string[]> {
    const untilMs = performance.now() + LIMIT_MS;
    for (;;) {
      const found = this.lines.filter((line) => wanted.test(line));
      if (found.length > 0) return found;
      if (this.hasEnded || performance.now() > untilMs)
        throw new Error(`${wanted} is not in the log:\n${this.lines.join("\n")}`);
      await sleep(20);
    }
  }

  /** Ends it on the spot, also when it is stopped. */
  async kill(): Promise<void> {
    this.#child.signal("SIGKILL");
    await this.#child.ended;
  }

  /** Waits until it has ended by itself. @returns its exit code. */
  async waitForEnd(limitMs: number): Promise<number | null> {
    return (await this.#child.waitForEnd(limitMs)).code;
  }

  /** Asks it to end, and insists after 3 s. */
  async stop(): Promise<void> {
    this.#child.signal("SIGCONT");
    await this.#child.stop();
  }
}
