import type { Http1Fault } from "./http1-fault.ts";
import { clientFault } from "./http1-fault.ts";
import { isFault, scanFields } from "./scan-fields.ts";

const CR = 13;
const LF = 10;
const SEMICOLON = 59;

const State = {
  size: 0,
  extension: 1,
  sizeEnd: 2,
  data: 3,
  dataCr: 4,
  dataLf: 5,
  trailers: 6,
  done: 7,
} as const;
type State = (typeof State)[keyof typeof State];

/** 4 GiB - 1: a chunk nobody sends, and far from where numbers lose their precision. */
const MAX_SIZE_DIGITS = 8;
/** Extensions mean nothing to us and have no legitimate user; a message may have few octets of them. */
const MAX_EXTENSION_OCTETS = 256;
/** Fields that must not come after the body they describe. Source: RFC 9110 §6.5.1. */
const NOT_IN_TRAILERS: ReadonlySet<string> = new Set([
  "authorization",
  "connection",
  "content-encoding",
  "content-length",
  "content-range",
  "content-type",
  "cookie",
  "expect",
  "host",
  "max-forwards",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Finds the end of one chunked body, and holds it to the letter of RFC 9112 §7.1 on the way. */
export class ChunkScanner {
  /** What is wrong, once something is. */
  fault: Http1Fault | undefined;
  readonly #maxTrailerOctets: number;
  readonly #maxFields: number;
  #state: State = State.size;
  #digits = 0;
  #left = 0;
  #extensionOctets = 0;
  #trailers = "";

  /** @param maxTrailerOctets more is 431, as are more than `maxFields` fields. */
  constructor(maxTrailerOctets: number, maxFields: number) {
    this.#maxTrailerOctets = maxTrailerOctets;
    this.#maxFields = maxFields;
  }

  get done(): boolean {
    return this.#state === State.done;
  }

  /** @returns where the body, or the chunk, ends: `chunk.length` unless the body is {@link done} or there is a {@link fault}. */
  scan(chunk: Buffer, from: number): number {
    let at = from;
    while (at < chunk.length && this.#state !== State.done && this.fault === undefined) {
      if (this.#state === State.data) {
        const taken = Math.min(this.#left, chunk.length - at);
        this.#left -= taken;
        at += taken;
        if (this.#left === 0) this.#state = State.dataCr;
      } else {
        this.#step(chunk[at]!);
        at++;
      }
    }
    return at;
  }

  #step(octet: number): void {
    switch (this.#state) {
      case State.size:
        this.#size(octet);
        return;
      case State.extension:
        if (octet === CR) this.#state = State.sizeEnd;
        else if (octet === LF || (octet < 0x20 && octet !== 9) || octet >= 0x7f)
          this.#fail("a chunk extension has octets it must not have");
        else if (++this.#extensionOctets > MAX_EXTENSION_OCTETS) this.#fail("chunk extensions are too long");
        return;
      case State.sizeEnd:
        if (octet !== LF) this.#fail("a chunk size is not followed by CRLF");
        else this.#state = this.#left === 0 ? State.trailers : State.data;
        return;
      case State.dataCr:
        if (octet !== CR) this.#fail("a chunk is longer than its size");
        else this.#state = State.dataLf;
        return;
      case State.dataLf:
        if (octet !== LF) this.#fail("a chunk is not followed by CRLF");
        else this.#state = State.size;
        this.#digits = 0;
        return;
      default:
        this.#trailer(octet);
    }
  }

  #size(octet: number): void {
    const digit = hexDigit(octet);
    if (digit >= 0) {
      if (++this.#digits > MAX_SIZE_DIGITS) this.#fail("a chunk size has too many digits");
      this.#left = (this.#digits === 1 ? 0 : this.#left * 16) + digit;
    } else if (this.#digits === 0) this.#fail("a chunk size is not a number");
    else if (octet === CR) this.#state = State.sizeEnd;
    else if (octet === SEMICOLON) this.#state = State.extension;
    else this.#fail("a chunk size is not a number");
  }

  /** Trailers are looked at as a whole: their last octet is not passed on before they are found right. */
  #trailer(octet: number): void {
    const last = this.#trailers.charCodeAt(this.#trailers.length - 1);
    if ((octet === LF) !== (last === CR)) {
      this.#fail("a trailer line does not end with CRLF");
      return;
    }
    this.#trailers += String.fromCharCode(octet);
    if (this.#trailers.length > this.#maxTrailerOctets) {
      this.fault = clientFault(431, "trailers are too long");
      return;
    }
    const empty = this.#trailers === "\r\n";
    if (!empty && !this.#trailers.endsWith("\r\n\r\n")) return;
    const fields = scanFields(empty ? "" : this.#trailers.slice(0, -2), 0, this.#maxFields);
    if (isFault(fields)) this.fault = fields;
    else if (fields.some((name, i) => i % 2 === 0 && NOT_IN_TRAILERS.has(name))) {
      this.#fail("a trailer field belongs before the body");
    } else this.#state = State.done;
  }

  #fail(text: string): void {
    this.fault = clientFault(400, text);
  }
}

function hexDigit(octet: number): number {
  if (octet >= 48 && octet <= 57) return octet - 48;
  const lower = octet | 0x20;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}
