import type { Slab } from "../../base/slab.ts";
import type { Transport } from "../../net/transport.ts";
import type { LocalAnswer } from "./local-answer.ts";
import { answerText } from "./local-answer.ts";

/** Writes one answer of our own, and keeps its octets until they have left. */
export class AnswerWriter {
  readonly #slab: Slab;
  readonly #transport: Transport;
  #block = 0;
  #then: (() => void) | undefined;

  constructor(slab: Slab, transport: Transport) {
    this.#slab = slab;
    this.#transport = transport;
  }

  /** @returns false when the budget has no room for it. */
  write(answer: LocalAnswer): boolean {
    const text = answerText(answer);
    const block = this.#slab.alloc(text.length);
    if (block === 0) return false;
    const length = this.#slab.bytes.write(text, block, "latin1");
    if (this.#transport.write(block, length)) this.#slab.free(block);
    else this.#block = block;
    return true;
  }

  /** Does this once the answer has left, which may be now. @returns whether it has left. */
  whenLeft(then: () => void): boolean {
    const left = this.#block === 0;
    if (left) then();
    else this.#then = then;
    return left;
  }

  /** The answer has left. */
  released(): void {
    const then = this.#then;
    this.free();
    then?.();
  }

  /** The answer will never leave. */
  free(): void {
    this.#then = undefined;
    if (this.#block !== 0) this.#slab.free(this.#block);
    this.#block = 0;
  }
}
