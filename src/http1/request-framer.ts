import { ChunkScanner } from "./chunk-scanner.ts";
import type { Http1Fault } from "./http1-fault.ts";
import { clientFault } from "./http1-fault.ts";
import type { RequestHead } from "./request-head.ts";
import { BodyFraming } from "./request-head.ts";
import { isFault } from "./scan-fields.ts";
import { scanRequestHead } from "./scan-request-head.ts";

const CR = 13;
const LF = 10;
const FIRST_BLOCK_OCTETS = 2048;

/** Where in a request a {@link RequestFramer} is. */
export const FramerState = {
  /** Nothing of a request has come, or only the empty line that some clients send after a body. */
  idle: 0,
  head: 1,
  body: 2,
  /** The request is complete; nothing more is read before {@link RequestFramer.next}. */
  complete: 3,
  failed: 4,
} as const;
export type FramerState = (typeof FramerState)[keyof typeof FramerState];

/**
 * Cuts a connection's octets into requests: the one place that decides where a request ends. Octets are handed on only when
 * the head they belong to is found right as a whole, and no octet of the next request before {@link next}.
 */
export class RequestFramer {
  state: FramerState = FramerState.idle;
  /** The head of the request in progress. */
  head: RequestHead | undefined;
  /** What is wrong, once something is; nothing is read any more then. */
  fault: Http1Fault | undefined;
  readonly #maxHeadOctets: number;
  readonly #maxFields: number;
  #octets = Buffer.alloc(0);
  #length = 0;
  #bodyLeft = 0;
  #chunks: ChunkScanner | undefined;
  #emptyLines = 0;

  constructor(maxHeadOctets: number, maxFields: number) {
    this.#maxHeadOctets = maxHeadOctets;
    this.#maxFields = maxFields;
  }

  /** The octets of {@link head}, its empty line included; valid until {@link next}. */
  get headOctets(): Buffer {
    return this.#octets.subarray(0, this.#length);
  }

  /**
   * Reads on, to the end of the head, of the body, or of the chunk.
   *
   * @returns where it stopped. What it went over in state `body` is body to be handed on, unless the state is now `failed`.
   */
  read(chunk: Buffer, from: number): number {
    if (this.state <= FramerState.head) return this.#readHead(chunk, from);
    if (this.state === FramerState.body) return this.#readBody(chunk, from);
    return from;
  }

  /** The answer to the last request is complete: goes on with the next. */
  next(): void {
    this.state = FramerState.idle;
    this.head = undefined;
    this.#octets = Buffer.alloc(0);
    this.#length = 0;
    this.#chunks = undefined;
    this.#emptyLines = 0;
  }

  #readHead(chunk: Buffer, from: number): number {
    for (let at = from; at < chunk.length; at++) {
      const octet = chunk[at]!;
      const last = this.#length === 0 ? 0 : this.#octets[this.#length - 1]!;
      if ((octet === LF) !== (last === CR))
        return this.#fail(clientFault(400, "a line does not end with CRLF"), at);
      if (this.#length === this.#maxHeadOctets) {
        const text = `the request's head is longer than ${this.#maxHeadOctets} octets`;
        return this.#fail(clientFault(431, text), at);
      }
      if (this.#length === this.#octets.length) this.#grow();
      this.#octets[this.#length++] = octet;
      if (octet !== LF) {
        this.state = FramerState.head;
        continue;
      }
      if (this.#length === 2) {
        // One empty line before a request is harmless. Source: RFC 9112 §2.2.
        if (++this.#emptyLines > 1) return this.#fail(clientFault(400, "empty lines before the request"), at);
        this.#length = 0;
        this.state = FramerState.idle;
        continue;
      }
      if (this.#octets[this.#length - 3] === LF) return this.#headEnds(at + 1);
    }
    return chunk.length;
  }

  #headEnds(at: number): number {
    const head = scanRequestHead(this.#octets.toString("latin1", 0, this.#length - 2), this.#maxFields);
    if (isFault(head)) return this.#fail(head, at);
    this.head = head;
    this.#bodyLeft = head.contentLength;
    if (head.framing === BodyFraming.chunked) {
      this.#chunks = new ChunkScanner(this.#maxHeadOctets, this.#maxFields);
    }
    this.state = head.framing === BodyFraming.none ? FramerState.complete : FramerState.body;
    return at;
  }

  #readBody(chunk: Buffer, from: number): number {
    if (this.#chunks !== undefined) {
      const at = this.#chunks.scan(chunk, from);
      if (this.#chunks.fault !== undefined) return this.#fail(this.#chunks.fault, at);
      if (this.#chunks.done) this.state = FramerState.complete;
      return at;
    }
    const taken = Math.min(this.#bodyLeft, chunk.length - from);
    this.#bodyLeft -= taken;
    if (this.#bodyLeft === 0) this.state = FramerState.complete;
    return from + taken;
  }

  #grow(): void {
    const larger = Buffer.allocUnsafe(
      Math.min(this.#maxHeadOctets, Math.max(FIRST_BLOCK_OCTETS, this.#octets.length * 2)),
    );
    this.#octets.copy(larger, 0, 0, this.#length);
    this.#octets = larger;
  }

  #fail(fault: Http1Fault, at: number): number {
    this.fault = fault;
    this.state = FramerState.failed;
    return at;
  }
}
