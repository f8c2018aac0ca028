import type { Probe, ProbeAnswer } from "./probe.ts";
import { answerOfError } from "./probe.ts";

/** A probe that is made at its first check. */
export class LateProbe implements Probe {
  readonly #make: () => Promise<Probe>;
  #probe: Probe | undefined;

  constructor(make: () => Promise<Probe>) {
    this.#make = make;
  }

  async check(timeoutMs: number): Promise<ProbeAnswer> {
    try {
      this.#probe ??= await this.#make();
      return await this.#probe.check(timeoutMs);
    } catch (error) {
      return answerOfError(error);
    }
  }

  reset(): void {
    this.#probe?.reset();
  }
}
