import type { ConnectionState } from "../../../h2/connection-state.ts";
import { consume } from "../../../h2/receive-data.ts";
import { sendData, writeHeaders } from "../../../h2/send.ts";
import { sendLocalReply } from "../../../proxy/local-reply.ts";
import type { CallHandler } from "./call-handler.ts";
import type { GrpcSurroundings } from "./grpc-surroundings.ts";
import { STAGE_OCTETS } from "./grpc-surroundings.ts";
import { HEAD_OCTETS, MessageError, MessageReader } from "./message-reader.ts";

/** What is put into the engine beyond what the client's windows take: so that it says when they have. */
const AHEAD_OCTETS = 16_384;
const OK = 0;

/** Who calls, as its connection and its headers say. */
export interface Caller {
  /** Address and port. */
  readonly peer: string;
  /** The `authorization` header; "" if there is none. */
  readonly authorization: string;
}

/** One call: messages both ways, and a status at its end. Once it is over whatever is said to it leads nowhere. */
export class GrpcCall {
  readonly peer: string;
  readonly authorization: string;
  readonly #shared: GrpcSurroundings;
  readonly #connection: ConnectionState;
  readonly #slot: number;
  readonly #reader: MessageReader;
  #handler: CallHandler | undefined;
  /** What came before anybody listened; the client's window bounds it. */
  readonly #early: Buffer[] = [];
  #hasEnded = false;
  #hasHead = false;
  #isOver = false;
  /** Messages that the engine has not taken yet; of the first some octets may be missing already. */
  readonly #queue: Buffer[] = [];
  #mustDrain = false;
  /** The client is to be told that all is well when everything has gone out. */
  #isEnding = false;

  /** @param maxOctets of a message. */
  constructor(
    shared: GrpcSurroundings,
    connection: ConnectionState,
    slot: number,
    { peer, authorization }: Caller,
    maxOctets: number,
  ) {
    this.peer = peer;
    this.authorization = authorization;
    this.#shared = shared;
    this.#connection = connection;
    this.#slot = slot;
    this.#reader = new MessageReader(maxOctets, (message) => this.#handler?.onMessage(message));
  }

  /** Whether it has ended, by whomever. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** From now on the handler is told what comes, and what has come. Until then the client's window stays as small as it is. */
  serve(handler: CallHandler): void {
    if (this.#isOver) {
      handler.onClosed();
      return;
    }
    this.#handler = handler;
    for (const octets of this.#early.splice(0)) {
      if (this.#isOver) return;
      consume(this.#connection, this.#slot, octets.length, false);
      this.#read(octets);
    }
    if (this.#hasEnded && !this.#isOver) handler.onEnd();
  }

  /**
   * Sends a message.
   *
   * @param parts of it, which must not change any more: they are not copied before they can go out.
   * @returns whether another may follow at once; if not, the handler is told when.
   */
  write(parts: readonly Buffer[]): boolean {
    if (this.#isOver || this.#isEnding) return true;
    this.#begin();
    let length = 0;
    for (const part of parts) length += part.length;
    const head = Buffer.allocUnsafe(HEAD_OCTETS);
    head[0] = 0;
    head.writeUInt32BE(length, 1);
    if (this.#queue.length > 0 || this.#room() < length + HEAD_OCTETS) {
      this.#queue.push(head, ...parts.filter((part) => part.length > 0));
      this.#pump();
    } else {
      const { stage, engine } = this.#shared;
      const { bytes } = engine.slab;
      bytes.set(head, stage);
      let at = stage + HEAD_OCTETS;
      for (const part of parts) {
        bytes.set(part, at);
        at += part.length;
      }
      sendData(this.#connection, this.#slot, stage, at - stage, false);
    }
    this.#mustDrain = this.#queue.length > 0 || this.#isHeld;
    return !this.#mustDrain;
  }

  /** All is said: the call ends well when it has gone out. */
  end(): void {
    if (this.#isOver || this.#isEnding) return;
    this.#isEnding = true;
    if (this.#queue.length === 0 && !this.#isHeld) this.#finish(OK, "");
  }

  /** Ends the call. @param code of gRPC. @param message for people. */
  fail(code: number, message: string): void {
    if (this.#isOver) return;
    this.#queue.length = 0;
    this.#finish(code, message);
  }

  /** A part of the client's body has come; the octets are valid during the call only. */
  received(offset: number, length: number, ends: boolean): void {
    if (this.#isOver) return;
    const octets = this.#shared.engine.slab.bytes.subarray(offset, offset + length);
    if (this.#handler === undefined) {
      if (length > 0) this.#early.push(Buffer.from(octets));
      this.#hasEnded ||= ends;
      return;
    }
    if (length > 0) {
      consume(this.#connection, this.#slot, length, true);
      this.#read(octets);
    }
    if (ends && !this.#isOver) this.#handler.onEnd();
  }

  /** The engine has sent what it had. */
  drained(): void {
    if (this.#isOver) return;
    this.#pump();
    if (this.#isOver || this.#queue.length > 0 || this.#isHeld) return;
    if (this.#isEnding) {
      this.#finish(OK, "");
      return;
    }
    if (!this.#mustDrain) return;
    this.#mustDrain = false;
    this.#handler?.onDrained();
  }

  /** The stream is gone. */
  closed(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#queue.length = 0;
    this.#early.length = 0;
    this.#handler?.onClosed();
  }

  get #isHeld(): boolean {
    return this.#shared.engine.streams.queue.octets[this.#slot]! > 0;
  }

  #read(octets: Buffer): void {
    try {
      this.#reader.read(octets);
    } catch (error) {
      if (!(error instanceof MessageError)) throw error;
      this.fail(error.code, error.message);
    }
  }

  /** Octets that the engine is given at the moment. */
  #room(): number {
    const { engine } = this.#shared;
    const held = engine.streams.queue.octets[this.#slot]!;
    const window = Math.min(engine.streams.sendWindow[this.#slot]!, this.#connection.sendWindow);
    const free =
      this.#connection.output.backlogOctets >= engine.limits.backlogOctets ? 0 : Math.max(0, window);
    return Math.min(STAGE_OCTETS, free + AHEAD_OCTETS - held);
  }

  #pump(): void {
    const { stage, engine } = this.#shared;
    while (this.#queue.length > 0 && !this.#isOver) {
      const room = this.#room();
      if (room <= 0) return;
      let length = 0;
      while (this.#queue.length > 0 && length < room) {
        const first = this.#queue[0]!;
        const part = first.subarray(0, room - length);
        engine.slab.bytes.set(part, stage + length);
        length += part.length;
        if (part.length === first.length) this.#queue.shift();
        else this.#queue[0] = first.subarray(part.length);
      }
      sendData(this.#connection, this.#slot, stage, length, false);
    }
  }

  #begin(): void {
    if (this.#hasHead) return;
    this.#hasHead = true;
    const { head, headOctets } = this.#shared;
    writeHeaders(this.#connection, this.#slot, head, headOctets, 0, false);
  }

  #finish(grpcStatus: number, message: string): void {
    const started = this.#hasHead;
    this.closed();
    const reply = {
      grpcStatus,
      message,
      grpc: true,
      started,
      pushbackMs: 0,
      explanation: "",
      change: undefined,
    };
    sendLocalReply(this.#connection, this.#slot, this.#shared.replyScratch, reply);
  }
}
