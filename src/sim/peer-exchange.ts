/**
 * What the proxies of a fleet tell each other of their streams in flight, through somebody in the middle who adds them up: each sends what it has now
 * and then, and gets the sum of the others. Nobody's numbers are fresher than they would be over a network.
 */
export class PeerExchange {
  /** Of each proxy: what is on its way, and what has arrived in the middle. */
  readonly #sent: readonly Int32Array[];
  readonly #arrived: readonly Int32Array[];
  readonly #sums: Int32Array;

  constructor(proxyCount: number, endpointCount: number) {
    const rows = () => Array.from({ length: proxyCount }, () => new Int32Array(endpointCount));
    this.#sent = rows();
    this.#arrived = rows();
    this.#sums = new Int32Array(endpointCount);
  }

  /** A proxy sends its streams by slot. */
  send(proxy: number, streams: Int32Array): void {
    this.#sent[proxy]!.set(streams);
  }

  /** What it sent has arrived. */
  arrive(proxy: number): void {
    const sent = this.#sent[proxy]!;
    const arrived = this.#arrived[proxy]!;
    for (let slot = 0; slot < sent.length; slot++) {
      this.#sums[slot]! += sent[slot]! - arrived[slot]!;
      arrived[slot] = sent[slot]!;
    }
  }

  /** @returns what all other proxies have in flight there, as far as it has arrived. */
  othersAt(proxy: number, slot: number): number {
    return this.#sums[slot]! - this.#arrived[proxy]![slot]!;
  }
}
