import type { Slab } from "../../base/slab.ts";
import type { Transport } from "../../net/transport.ts";
import type { LocalAnswer } from "./local-answer.ts";
import { answerText } from "./local-answer.ts";

/** Writes one answer of our own, and keeps its octets until they have left. */
export class AnswerWriter {
  readonly #slab: Slab;
  readonly #transport: Transport;
  #block = 0;

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

  /** Whether it has not left yet: the transport will say `onReleased`. */
  get isPending(): boolean {
    return this.#block !== 0;
  }

  /** To be called when it has left, or never will. */
  free(): void {
    if (this.#block !== 0) this.#slab.free(this.#block);
    this.#block = 0;
  }
}
