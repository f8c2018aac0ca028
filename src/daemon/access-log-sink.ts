import { destination } from "pino";
import type { AccessLogBatch } from "./worker-messages.ts";

const STANDARD_OUTPUT = 1;
const WRITE_OCTETS = 8_192;
const FLUSH_MS = 1_000;
/** Lines that a slow reader of standard output leaves standing beyond this are dropped: a log must not eat the memory. */
const MAX_WAITING_OCTETS = 4 * 1_048_576;

/** Writes lines of the access log to standard output, in the background and in large pieces. */
export class AccessLogSink {
  readonly #stream = destination({
    dest: STANDARD_OUTPUT,
    sync: false,
    minLength: WRITE_OCTETS,
    maxLength: MAX_WAITING_OCTETS,
    periodicFlush: FLUSH_MS,
  });
  /** Lines lost because standard output was not read fast enough. */
  dropped = 0;
  #writing = 0;

  constructor() {
    this.#stream.on("drop", () => {
      this.dropped += this.#writing;
    });
  }

  write({ octets, count }: AccessLogBatch): void {
    this.#writing = count;
    this.#stream.write(Buffer.from(octets.buffer).toString());
  }

  /** Writes what is waiting; to be called before the process ends. */
  flush(): void {
    try {
      this.#stream.flushSync();
    } catch {
      // Nobody reads standard output any more.
    }
  }
}
