import type { Random } from "../../src/base/random.ts";
import type { ScriptedPeer } from "./scripted-peer.ts";

/**
 * Two of our connections, back to back: what one says the other receives, in random pieces, with random writes that the
 * transport keeps for a while.
 */
export class Wire {
  readonly #ends: readonly [ScriptedPeer, ScriptedPeer];
  readonly #random: Random;
  /** Octets on their way to each end. */
  readonly #inFlight: [Buffer, Buffer] = [Buffer.alloc(0), Buffer.alloc(0)];

  constructor(client: ScriptedPeer, server: ScriptedPeer, random: Random) {
    this.#ends = [client, server];
    this.#random = random;
    for (const end of this.#ends) end.port.keeps = () => random.nextFloat() < 0.35;
  }

  /** Moves something, perhaps. @returns whether anything is still on its way. */
  step(): boolean {
    const random = this.#random;
    for (const [i, end] of this.#ends.entries()) {
      if (random.nextFloat() < 0.6) end.output.flush();
      if (random.nextFloat() < 0.6) {
        end.port.release();
        end.connection.writable();
      }
      const to = 1 - i;
      this.#inFlight[to] = Buffer.concat([this.#inFlight[to]!, end.port.take()]);
      if (random.nextFloat() < 0.7) this.#deliver(to);
    }
    return this.#ends.some(
      ({ output, port }, i) => output.dirty || port.keptWrites > 0 || this.#inFlight[i]!.length > 0,
    );
  }

  #deliver(to: number): void {
    const random = this.#random;
    const waiting = this.#inFlight[to]!;
    const most = [1, 20, 500, 70_000][random.nextInt(4)]!;
    const octets = Math.min(waiting.length, 1 + random.nextInt(most));
    if (octets === 0) return;
    const end = this.#ends[to]!;
    end.budget = random.nextFloat() < 0.3 ? 1 + random.nextInt(4) : Number.MAX_SAFE_INTEGER;
    end.receive(waiting.subarray(0, octets));
    this.#inFlight[to] = waiting.subarray(octets);
  }
}
