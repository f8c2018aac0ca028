/**
 * What the proxies of a fleet tell each other of their streams in flight, through somebody in the middle who adds them up: each sends what it has now
 * and then, and gets the sum of the others, with the mean of the times when these were counted. Nobody's numbers are fresher than they would be
 * over a network.
 */
export class PeerExchange {
  /** Of each proxy: what is on its way, and what has arrived in the middle. */
  readonly #sent: readonly Int32Array[];
  readonly #arrived: readonly Int32Array[];
  readonly #sums: Int32Array;
  /** When each counted what is on its way, and what has arrived; 0: nothing has. */
  readonly #sentMs: Float64Array;
  readonly #arrivedMs: Float64Array;
  #sumMs = 0;
  #arrivals = 0;

  constructor(proxyCount: number, endpointCount: number) {
    const rows = () => Array.from({ length: proxyCount }, () => new Int32Array(endpointCount));
    this.#sent = rows();
    this.#arrived = rows();
    this.#sums = new Int32Array(endpointCount);
    this.#sentMs = new Float64Array(proxyCount);
    this.#arrivedMs = new Float64Array(proxyCount);
  }

  /** A proxy sends its streams by slot. @param nowMs above 0. */
  send(proxy: number, streams: Int32Array, nowMs: number): void {
    this.#sent[proxy]!.set(streams);
    this.#sentMs[proxy] = nowMs;
  }

  /** What it sent has arrived. */
  arrive(proxy: number): void {
    const sent = this.#sent[proxy]!;
    const arrived = this.#arrived[proxy]!;
    for (let slot = 0; slot < sent.length; slot++) {
      this.#sums[slot]! += sent[slot]! - arrived[slot]!;
      arrived[slot] = sent[slot]!;
    }
    if (this.#arrivedMs[proxy] === 0) this.#arrivals++;
    this.#sumMs += this.#sentMs[proxy]! - this.#arrivedMs[proxy]!;
    this.#arrivedMs[proxy] = this.#sentMs[proxy]!;
  }

  /** @returns what all other proxies have in flight there, as far as it has arrived. */
  othersAt(proxy: number, slot: number): number {
    return this.#sums[slot]! - this.#arrived[proxy]![slot]!;
  }

  /** @returns when the others counted what {@link othersAt} gives, on average; 0 while nothing of them has arrived. */
  countedMs(proxy: number): number {
    const own = this.#arrivedMs[proxy]!;
    const others = own === 0 ? this.#arrivals : this.#arrivals - 1;
    return others === 0 ? 0 : (this.#sumMs - own) / others;
  }
}
