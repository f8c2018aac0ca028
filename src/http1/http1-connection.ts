import { Duplex } from "node:stream";
import { errorAnswer } from "./error-answer.ts";
import type { Http1Fault } from "./http1-fault.ts";
import { clientFault } from "./http1-fault.ts";
import type { Http1Limits } from "./http1-limits.ts";
import { FramerState, RequestFramer } from "./request-framer.ts";

/** Merging writes up to this length costs less than writing them one by one. */
const MERGE_OCTETS = 65_536;

/** The request a connection is busy with, as far as the connection has to know. */
export interface OpenRequest {
  /** Ends it: with this answer where none has begun, else by closing the connection. */
  fail(fault: Http1Fault): void;
}

/**
 * What Node's HTTP/1.1 parser reads from and writes to: the client's connection behind a gate that lets through one
 * request at a time, and only octets that {@link RequestFramer} found right. Two parsers have to agree on every
 * request, and the second never sees an octet of the next one before the answer to this one is complete.
 */
export class Http1Connection extends Duplex {
  readonly framer: RequestFramer;
  /** Set by who serves the request. */
  request: OpenRequest | undefined;
  /** What was wrong with the body before anyone served the request. */
  fault: Http1Fault | undefined;
  /** No further request is read. */
  closing = false;
  /** The connection to our own HTTP/2 engine, once a request needed it; closed with this one. */
  inner: { close(): void } | undefined;
  readonly #carrier: Duplex;
  readonly #limits: Http1Limits;
  #timer: NodeJS.Timeout | undefined;
  /** What came behind the request in progress. */
  #held: Buffer | undefined;
  #discarding = false;
  #tunnelling = false;

  /** @param carrier the client's octets; nothing has been read from it. */
  constructor(carrier: Duplex, limits: Http1Limits) {
    super({ allowHalfOpen: true });
    this.#carrier = carrier;
    this.#limits = limits;
    this.framer = new RequestFramer(limits.maxHeadOctets, limits.maxFields);
    carrier.on("data", (chunk: Buffer) => this.receive(chunk));
    carrier.on("error", () => {});
    // A client that says it will send nothing more has mostly gone: what it asked for is cancelled.
    carrier.on("end", () => this.#clientEnded());
    carrier.on("close", () => this.destroy());
    this.#arm(limits.headTimeoutMs);
  }

  /** Whether the request in progress is complete. */
  get requestComplete(): boolean {
    return this.framer.state === FramerState.complete;
  }

  /** Whether a request is being read or answered. */
  get busy(): boolean {
    return this.framer.state !== FramerState.idle;
  }

  /** Octets of the client. */
  receive(chunk: Buffer): void {
    if (this.#discarding || this.destroyed) return;
    if (this.#tunnelling) {
      this.#pass(chunk);
      return;
    }
    const { framer } = this;
    for (let at = 0; at < chunk.length; ) {
      const { state } = framer;
      if (state === FramerState.complete) {
        this.#held = chunk.subarray(at);
        this.#carrier.pause();
        return;
      }
      const from = at;
      at = framer.read(chunk, from);
      if (framer.fault !== undefined) {
        this.#failed(framer.fault);
        return;
      }
      if (state === FramerState.body) this.#pass(chunk.subarray(from, at));
      else if (framer.head !== undefined) {
        this.#arm(this.#limits.streamIdleTimeoutMs);
        this.#pass(framer.headOctets);
      } else if (state === FramerState.idle) this.#arm(this.#limits.headTimeoutMs);
    }
    if (framer.state >= FramerState.body) this.#timer?.refresh();
  }

  #pass(octets: Buffer): void {
    if (octets.length > 0 && !this.push(octets)) this.#carrier.pause();
  }

  /** The answer to the request in progress is complete, or never will be. */
  responseEnded(whole: boolean): void {
    this.request = undefined;
    if (this.destroyed || this.#tunnelling) return;
    if (!whole) {
      this.destroy();
      return;
    }
    if (this.closing || !this.requestComplete) {
      this.finish();
      return;
    }
    this.framer.next();
    this.#arm(this.#limits.idleTimeoutMs);
    const held = this.#held;
    this.#held = undefined;
    if (held === undefined) this.#carrier.resume();
    else {
      this.receive(held);
      if (this.#held === undefined && !this.#discarding) this.#carrier.resume();
    }
  }

  /** The endpoint has changed the protocol: from now on octets pass unseen, what was held back first. */
  tunnel(): void {
    this.#tunnelling = true;
    clearTimeout(this.#timer);
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined) this.#pass(held);
    this.#carrier.resume();
  }

  /** Lets nothing more in, says what is still to be said, and closes. */
  finish(): void {
    this.closing = true;
    this.#discarding = true;
    this.#held = undefined;
    this.end();
    // What the client still sends is read and dropped, so that it gets to read our last words.
    this.#carrier.resume();
  }

  /** Answers for nobody, and closes. Where an answer has begun, only closes. */
  refuse(fault: Http1Fault): void {
    if (this.destroyed || this.writableEnded) return;
    this.write(errorAnswer(fault));
    this.finish();
  }

  #failed(fault: Http1Fault): void {
    this.closing = true;
    this.#discarding = true;
    this.fault = fault;
    if (this.request !== undefined) this.request.fail(fault);
    // With a head that was passed on, whoever takes the request finds the fault.
    else if (this.framer.head === undefined) this.refuse(fault);
    this.#carrier.resume();
  }

  #clientEnded(): void {
    if (this.#tunnelling) this.push(null);
    else if (this.busy || this.request !== undefined) this.destroy();
    else this.finish();
  }

  #arm(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#timedOut(), ms);
  }

  #timedOut(): void {
    const { state } = this.framer;
    if (state === FramerState.idle) this.finish();
    else if (this.request === undefined) this.refuse(clientFault(408, "the request did not come in time"));
    else if (state === FramerState.body) {
      this.request.fail(clientFault(408, "the request's body did not come in time"));
    } else this.request.fail(clientFault(504, "nothing came for too long"));
  }

  override _read(): void {
    if (this.#held === undefined) this.#carrier.resume();
  }

  override _write(chunk: Buffer, _: BufferEncoding, written: (error?: Error | null) => void): void {
    this.#timer?.refresh();
    this.#carrier.write(chunk, written);
  }

  override _writev(chunks: { chunk: Buffer }[], written: (error?: Error | null) => void): void {
    this.#timer?.refresh();
    let octets = 0;
    for (const { chunk } of chunks) octets += chunk.length;
    if (octets <= MERGE_OCTETS) {
      this.#carrier.write(
        Buffer.concat(
          chunks.map(({ chunk }) => chunk),
          octets,
        ),
        written,
      );
      return;
    }
    chunks.forEach(({ chunk }, i) => {
      this.#carrier.write(chunk, i === chunks.length - 1 ? written : undefined);
    });
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#discarding ||= !this.#tunnelling;
    this.#carrier.end();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.#timer);
    this.#held = undefined;
    this.#carrier.destroy();
    this.inner?.close();
    done(error);
  }
}
