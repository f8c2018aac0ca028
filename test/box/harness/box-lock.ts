import { spawn } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";

const TELL_AFTER_MS = 5_000;

/**
 * The machine's one place for a cluster in a box. Names and addresses of two would not collide, but each takes the cores from the other's canaries and clients, whose limits are
 * seconds. Held by a process that ends with its standard input, and so with whoever holds it, however that ends.
 */
export class BoxLock implements Disposable {
  readonly #release: () => void;

  private constructor(release: () => void) {
    this.#release = release;
  }

  /**
   * Waits until it is ours.
   *
   * @param onWait told once when that takes longer than 5 s; default: a line on standard error. @param file default: the machine's.
   * @throws Error when `flock` (util-linux) does not run.
   */
  static async acquire(
    onWait: (file: string) => void = tell,
    file = join(tmpdir(), "isobox.lock"),
    tellAfterMs = TELL_AFTER_MS,
  ): Promise<BoxLock> {
    const holder = spawn("flock", [file, "sh", "-c", "echo held; exec cat >/dev/null"], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const timer = setTimeout(() => onWait(file), tellAfterMs);
    try {
      const ended = once(holder, "exit").then(([code]) => {
        throw new Error(`flock ${file}: ended with ${code} before the lock was held`);
      });
      await Promise.race([once(holder.stdout, "data"), ended]);
      ended.catch(() => {});
    } finally {
      clearTimeout(timer);
    }
    // It is to keep nobody from ending.
    holder.unref();
    for (const stream of [holder.stdin, holder.stdout]) (stream as unknown as { unref(): void }).unref();
    return new BoxLock(() => holder.stdin.end());
  }

  /** Lets the next one have it. */
  [Symbol.dispose](): void {
    this.#release();
  }
}

function tell(file: string): void {
  process.stderr.write(
    `box: another cluster in a box runs on this machine and holds ${file}; waiting for its end\n`,
  );
}
