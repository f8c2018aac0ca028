/** Octets before each message: whether it is compressed, and its length. Source: gRPC over HTTP/2, "Length-Prefixed-Message". */
export const HEAD_OCTETS = 5;

/** gRPC status codes. */
const RESOURCE_EXHAUSTED = 8;
const UNIMPLEMENTED = 12;

/** A client sends what is not taken from it. */
export class MessageError extends Error {
  override readonly name = "MessageError";
  /** Of gRPC. */
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** Cuts octets that come in any parts into messages. What came whole is handed on where it lies, without a copy. */
export class MessageReader {
  readonly #maxOctets: number;
  readonly #onMessage: (octets: Buffer) => void;
  /** What has come of a message that is not whole. */
  #parts: Buffer[] = [];
  #octets = 0;
  /** What it takes to go on: a head, or a head and its message. */
  #wanted = HEAD_OCTETS;

  /** @param maxOctets of one message. @param onMessage takes a message, whose octets are valid during the call only. */
  constructor(maxOctets: number, onMessage: (octets: Buffer) => void) {
    this.#maxOctets = maxOctets;
    this.#onMessage = onMessage;
  }

  /** @throws MessageError for messages that are too long, or compressed; nothing is to be read after it. */
  read(chunk: Buffer): void {
    let rest = chunk;
    if (this.#octets > 0) {
      if (this.#octets + chunk.length < this.#wanted) {
        this.#keep(chunk);
        return;
      }
      rest = Buffer.concat([...this.#parts, chunk]);
      this.#parts = [];
      this.#octets = 0;
    }
    let at = 0;
    for (;;) {
      const left = rest.length - at;
      this.#wanted = left < HEAD_OCTETS ? HEAD_OCTETS : this.#wholeAt(rest, at);
      if (left < this.#wanted) break;
      const end = at + this.#wanted;
      this.#onMessage(rest.subarray(at + HEAD_OCTETS, end));
      at = end;
    }
    if (at < rest.length) this.#keep(rest.subarray(at));
  }

  #keep(octets: Buffer): void {
    this.#parts.push(Buffer.from(octets));
    this.#octets += octets.length;
  }

  #wholeAt(octets: Buffer, at: number): number {
    if (octets[at] !== 0)
      throw new MessageError(UNIMPLEMENTED, "found a compressed message, wanted one that is not");
    const length = octets.readUInt32BE(at + 1);
    if (length > this.#maxOctets)
      throw new MessageError(
        RESOURCE_EXHAUSTED,
        `found a message of ${length} octets, wanted at most ${this.#maxOctets}`,
      );
    return HEAD_OCTETS + length;
  }
}
