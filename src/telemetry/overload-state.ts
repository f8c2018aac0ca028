/** How short of memory the process is; each stage includes those before it. */
export const OverloadStage = {
  none: 0,
  /** The callers that hold most are not read. */
  stopReading: 1,
  /** New streams are refused, windows shrink. */
  refuseStreams: 2,
  /** The process says that it is not ready. */
  notReady: 3,
} as const;
export type OverloadStage = (typeof OverloadStage)[keyof typeof OverloadStage];

/** Label value of what is done from each stage on, but the first. */
export const OVERLOAD_ACTION_NAMES = ["stop_reading", "refuse_streams", "not_ready"] as const;

const Word = { stage: 0, limitKib: 1, usedKib: 2, entered: 3 } as const;
const WORDS = 6;
const KIB = 1024;

/**
 * What the main thread has found of the machine's memory, for the data-plane threads and the metrics to read: words in shared
 * memory, so that a change of stage takes effect with the next request and costs no message.
 */
export class OverloadState {
  /** To be sent to workers. */
  readonly buffer: SharedArrayBuffer;
  /** Its first word is the {@link OverloadStage}, for readers in a hurry. */
  readonly words: Int32Array;

  /** @param buffer the memory of the one on the main thread; default: new, at rest. */
  constructor(buffer?: SharedArrayBuffer) {
    this.buffer = buffer ?? new SharedArrayBuffer(WORDS * Int32Array.BYTES_PER_ELEMENT);
    this.words = new Int32Array(this.buffer);
  }

  get stage(): OverloadStage {
    return this.words[Word.stage] as OverloadStage;
  }

  /** Memory limit of the process in octets; 0 when there is none. */
  get limitOctets(): number {
    return this.words[Word.limitKib]! * KIB;
  }

  /** What of the limit is used, in octets. */
  get usedOctets(): number {
    return this.words[Word.usedKib]! * KIB;
  }

  /** @returns how often a stage was entered from below. */
  timesEntered(stage: OverloadStage): number {
    return stage === OverloadStage.none ? 0 : this.words[Word.entered + stage - 1]!;
  }

  /** Written by the main thread alone. */
  set(stage: OverloadStage, usedOctets: number, limitOctets: number): void {
    for (let entered = this.stage + 1; entered <= stage; entered++) this.words[Word.entered + entered - 1]!++;
    this.words[Word.limitKib] = Math.min(limitOctets / KIB, 2 ** 31 - 1);
    this.words[Word.usedKib] = Math.min(usedOctets / KIB, 2 ** 31 - 1);
    Atomics.store(this.words, Word.stage, stage);
  }
}
