import { isIPv6 } from "node:net";
import { CanaryRounds } from "./canary/canary-rounds.ts";
import type { GenerationView } from "./decide.ts";
import type { FoundGeneration } from "./run-folder.ts";
import { HOLD_MS } from "./table-text.ts";

const ROUND_EVERY_MS = 1_000;
/** After a failed round the next one begins soon: what is late once may be only late. */
const ROUND_AGAIN_MS = 100;
/** A generation that does not answer and writes no file either is asked less often. */
const SILENT_FILE_MS = 10_000;

/** Sends canaries through one generation as long as it is there, and knows how they went. */
export class GenerationWatch {
  #found: FoundGeneration;
  readonly #onRound: () => void;
  #rounds: CanaryRounds | undefined;
  #roundsAt = "";
  #goodAtMs = Number.NEGATIVE_INFINITY;
  #goodRounds = 0;
  #hasFailed = false;
  #refused = false;
  #isClosed = false;
  #isAsking = false;
  #timer: NodeJS.Timeout | undefined;
  /** When it was first good, milliseconds since 1970; 0: never. */
  sinceMs = 0;
  /** When its last canaries were good, milliseconds since 1970; 0: never. */
  lastCanaryMs = 0;
  /** Rounds that failed. */
  failures = 0;
  /** Why the last round failed; "" after a good one. */
  why = "";

  /** @param onRound told after each round. */
  constructor(found: FoundGeneration, onRound: () => void) {
    this.#found = found;
    this.#onRound = onRound;
  }

  /** What its files say. */
  get found(): FoundGeneration {
    return this.#found;
  }

  /** Takes what its files say now. @returns whether that is something else than before. */
  update(found: FoundGeneration): boolean {
    const { file, plan } = this.#found;
    this.#found = found;
    const { port, ready, draining, workers } = found.file;
    const isSame =
      port === file.port && ready === file.ready && draining === file.draining && workers === file.workers;
    return !isSame || plan !== found.plan;
  }

  /** What decisions are made of. */
  view(): GenerationView {
    const { file, plan } = this.#found;
    return {
      generation: file.generation,
      startedMs: file.startedMs,
      port: file.port,
      ready: file.ready,
      draining: file.draining,
      hasPlan: plan !== undefined,
      goodAtMs: this.#goodAtMs,
      goodRounds: this.#goodRounds,
      hasFailed: this.#hasFailed,
      refused: this.#refused,
    };
  }

  /** Whether established connections of it are let alive. */
  isAlive(nowMs: number): boolean {
    return this.#goodAtMs + HOLD_MS > nowMs;
  }

  /** One round now, and then one each second until it is closed. */
  async ask(): Promise<void> {
    if (this.#isAsking || this.#isClosed) return;
    this.#isAsking = true;
    clearTimeout(this.#timer);
    const beganMs = performance.now();
    const isGood = await this.#round();
    this.#isAsking = false;
    if (this.#isClosed) return;
    const isSilent = Date.now() - this.#found.file.writtenMs > SILENT_FILE_MS;
    const pauseMs =
      isGood || isSilent ? Math.max(ROUND_EVERY_MS - (performance.now() - beganMs), 0) : ROUND_AGAIN_MS;
    this.#timer = setTimeout(() => void this.ask(), pauseMs);
    this.#onRound();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#rounds?.close();
  }

  async #round(): Promise<boolean> {
    const { file, plan } = this.#found;
    const address = plan === undefined ? "" : plan.canary.ipv4 || plan.canary.ipv6;
    if (address === "" || file.port === 0) return false;
    this.#connectTo(address, file.port);
    const beganMs = performance.now();
    const result = await this.#rounds!.round(file.workers);
    this.#refused = result.kind === "refused";
    if (result.kind !== "good") {
      this.failures += 1;
      this.why = result.kind === "failed" ? result.why : "nobody listens at its port";
      this.#goodRounds = 0;
      this.#hasFailed = this.#goodAtMs > 0;
      return false;
    }
    // Counted from when the canaries were sent: what they say about is that moment.
    this.#goodAtMs = beganMs;
    this.lastCanaryMs = Date.now();
    if (this.sinceMs === 0) this.sinceMs = this.lastCanaryMs;
    this.#goodRounds += 1;
    if (this.#goodRounds > 10) this.#hasFailed = false;
    this.why = "";
    return true;
  }

  #connectTo(address: string, port: number): void {
    const at = isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
    if (at === this.#roundsAt) return;
    this.#rounds?.close();
    this.#roundsAt = at;
    this.#rounds = new CanaryRounds(address, port, () => {
      // What was connected is not any more: no reason to wait for the next second.
      void this.ask();
    });
  }
}
