import { HandshakeGate } from "../net/handshake-gate.ts";
import type { TlsIdentity } from "../resource/tls-identity.ts";
import { TlsClient } from "./tls-client.ts";

/** Handshakes with endpoints that one worker has going on at once, unless told otherwise. */
export const DEFAULT_MAX_HANDSHAKES = 8;

/** The TLS identities of a worker, by number. They share one bound on handshakes. */
export class TlsClients {
  readonly #clients = new Map<number, TlsClient>();
  readonly #gate: HandshakeGate;

  /** @param maxHandshakes at least 1. */
  constructor(maxHandshakes: number = DEFAULT_MAX_HANDSHAKES) {
    this.#gate = new HandshakeGate(maxHandshakes);
  }

  /** An identity is new, or its certificates are. To be called before a cluster that uses it. */
  set(identity: TlsIdentity): void {
    const present = this.#clients.get(identity.number);
    if (present === undefined) this.#clients.set(identity.number, this.#make(identity));
    else present.renew(identity);
  }

  /** No cluster uses the identity any more; connections of it may still be ending. */
  remove(number: number): void {
    this.#clients.delete(number);
  }

  /**
   * @param number what a cluster says; 0 for clear text.
   * @returns `undefined` for clear text. An identity that was never set, because its files are no good, is one whose dials
   * fail: nothing is ever sent in clear text in its place.
   */
  get(number: number): TlsClient | undefined {
    if (number === 0) return undefined;
    let client = this.#clients.get(number);
    if (client === undefined) {
      client = this.#make(undefined);
      this.#clients.set(number, client);
    }
    return client;
  }

  #make(identity: TlsIdentity | undefined): TlsClient {
    return new TlsClient(identity, this.#gate, () => this.#clients.values());
  }

  /** Handshakes going on, and dials that wait for them. */
  get handshakes(): { readonly inside: number; readonly waiting: number } {
    return { inside: this.#gate.inside, waiting: this.#gate.waiting };
  }
}
