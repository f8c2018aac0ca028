import type { Socket } from "node:net";
import { FieldReader } from "./field-reader.ts";
import { Flag, FrameCutter, FrameType, writeFrame } from "./frames.ts";

/** What happens on a {@link Channel}. */
export interface ChannelEvents {
  /** The fields of a header section have come. */
  fields(stream: number, fields: ReadonlyMap<string, string>): void;
  /** The peer's side of a stream is over, also by a reset. */
  end(stream: number): void;
}

/** Received octets after which the connection's window is opened again. */
const WINDOW_STEP = 16_384;

/**
 * The frames of one HTTP/2 connection, for either side: answers SETTINGS and PING, keeps the window open, and closes the socket when
 * the peer breaks the protocol or leaves.
 */
export class Channel {
  readonly #socket: Socket;
  readonly #events: ChannelEvents;
  readonly #cutter = new FrameCutter();
  readonly #reader = new FieldReader();
  #blocks: Buffer[] = [];
  #ends = false;
  #received = 0;

  constructor(socket: Socket, events: ChannelEvents) {
    this.#socket = socket;
    this.#events = events;
  }

  /** Takes what the socket brought, the client's preface excepted. */
  receive(chunk: Buffer): void {
    const frames = this.#cutter.cut(chunk);
    if (frames === undefined) this.#socket.destroy();
    for (const { type, flags, stream, payload } of frames ?? []) {
      if (type === FrameType.headers || type === FrameType.continuation) {
        if (type === FrameType.headers) this.#ends = (flags & Flag.endStream) !== 0;
        this.#blocks.push(payload);
        if ((flags & Flag.endHeaders) !== 0) this.#section(stream);
        else if (this.#blocks.length > 4) this.#socket.destroy();
      } else if (type === FrameType.data) {
        this.#credit(payload.length);
        if ((flags & Flag.endStream) !== 0) this.#events.end(stream);
      } else if (type === FrameType.reset) {
        this.#events.end(stream);
      } else if (type === FrameType.settings && (flags & Flag.ack) === 0) {
        this.#socket.write(writeFrame(FrameType.settings, Flag.ack, 0, Buffer.alloc(0)));
      } else if (type === FrameType.ping && (flags & Flag.ack) === 0) {
        this.#socket.write(writeFrame(FrameType.ping, Flag.ack, 0, payload));
      }
    }
  }

  #section(stream: number): void {
    const fields = this.#reader.read(Buffer.concat(this.#blocks));
    this.#blocks = [];
    if (fields === undefined) {
      this.#socket.destroy();
      return;
    }
    this.#events.fields(stream, fields);
    if (this.#ends) this.#events.end(stream);
  }

  #credit(octets: number): void {
    this.#received += octets;
    if (this.#received < WINDOW_STEP) return;
    const step = Buffer.alloc(4);
    step.writeUInt32BE(this.#received);
    this.#received = 0;
    this.#socket.write(writeFrame(FrameType.windowUpdate, 0, 0, step));
  }
}
