import { MAX_ENDPOINT_SLOTS } from "../resource/slot-registry.ts";
import type { EndpointCounters } from "./endpoint-counters.ts";

/** Load as pickers read it (lb's LoadReader): streams in flight of this process, over all its workers. */
export class EndpointLoads {
  readonly #inFlight: Int32Array;

  constructor(counters: EndpointCounters) {
    this.#inFlight = counters.inFlight;
  }

  inFlight(slot: number): number {
    const cells = this.#inFlight;
    let sum = cells[slot]!;
    for (let cell = slot + MAX_ENDPOINT_SLOTS; cell < cells.length; cell += MAX_ENDPOINT_SLOTS)
      sum += cells[cell]!;
    return sum;
  }
}
