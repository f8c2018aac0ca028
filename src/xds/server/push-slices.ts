import { DueStreams } from "./due-streams.ts";

/** A clock, what is done after what has come is read, and what has a stream's messages go out; tests bring their own. */
export interface SliceTurns {
  readonly nowMs: () => number;
  readonly later: (call: () => void) => void;
  readonly sent: () => void;
}

/** A stream as its turns see it. */
interface FlushedStream {
  flush(): void;
}

/** What has come waits for one slice at most, which is little beside the time that a change may take. */
const SLICE_MS = 4;

/**
 * Has streams send what they have to send, in the order of {@link DueStreams}, a slice of time at a stretch: between two slices what has come is read. A slice is a time and no number of
 * streams, because between pushes of 2 KB come as many answers as between those of 200 KB: with a number, the streams whose turn is last wait for the answers of all that came before, where pushes are
 * small, and requests wait for long, where pushes are large. What one stream sends goes out before the next one's turn: else the first waits for the last of its slice, and for
 * what is read and written after that.
 */
export class PushSlices<Stream extends FlushedStream> {
  readonly #due = new DueStreams<Stream>();
  readonly #turns: SliceTurns;
  readonly #onFault: (stream: Stream, error: unknown) => void;
  #isSliceAhead = false;
  readonly #slice = (): void => this.#send();

  /** @param onFault a stream's flush has thrown; the others go on. */
  constructor(turns: SliceTurns, onFault: (stream: Stream, error: unknown) => void) {
    this.#turns = turns;
    this.#onFault = onFault;
  }

  /** These may have something to send, because of one change. */
  add(streams: readonly Stream[]): void {
    this.#due.add(streams);
    this.#goOn();
  }

  /** It is gone. */
  delete(stream: Stream): void {
    this.#due.delete(stream);
  }

  #goOn(): void {
    if (this.#isSliceAhead || this.#due.size === 0) return;
    this.#isSliceAhead = true;
    this.#turns.later(this.#slice);
  }

  /** One stream at least, however long it takes. */
  #send(): void {
    this.#isSliceAhead = false;
    const untilMs = this.#turns.nowMs() + SLICE_MS;
    do {
      const stream = this.#due.take();
      if (stream === undefined) return;
      try {
        stream.flush();
      } catch (error) {
        this.#onFault(stream, error);
      }
      this.#turns.sent();
    } while (this.#turns.nowMs() < untilMs);
    this.#goOn();
  }
}
