import type { Socket } from "node:net";
import { frame, ping, SETTINGS_ACK, settings } from "../../support/frames.ts";

const PREFACE_OCTETS = 24;
const HEAD_OCTETS = 9;
const ACK = 1;
const MOST_WAITING_OCTETS = 262_144;

/** What one behaviour adds up over its connections. */
export interface HostileTally {
  connections: number;
  /** Frames sent to do harm. */
  frames: number;
  streams: number;
  resets: number;
  /** GOAWAY frames received, by code. */
  readonly goaways: Record<string, number>;
}

/** How an endpoint misbehaves. */
export interface Behaviour {
  /** Frames per second over all connections, for `tick`. Default 20,000. */
  readonly framesPerSecond?: number;
  readonly onOpen?: (connection: HostileConnection) => void;
  readonly onRequest?: (connection: HostileConnection, id: number) => void;
  /** Sends about `count` frames. */
  readonly tick?: (connection: HostileConnection, count: number) => void;
  /** Whether windows are given back for what is read. Default true. */
  readonly grants?: boolean;
}

/** One connection of the proxy to an endpoint that misbehaves: reads what it must know, says what the behaviour wants. */
export class HostileConnection {
  readonly socket: Socket;
  /** Ids of streams that are open, oldest first. */
  readonly streams = new Set<number>();
  /** What the proxy's windows allow: of the connection, and of the streams that have one. */
  window = 65_535;
  readonly windows = new Map<number, number>();
  readonly tally: HostileTally;
  readonly #behaviour: Behaviour;
  #initialWindow = 65_535;
  #rest: Buffer = Buffer.alloc(0);
  #preface = PREFACE_OCTETS;

  constructor(socket: Socket, behaviour: Behaviour, tally: HostileTally) {
    this.socket = socket;
    this.#behaviour = behaviour;
    this.tally = tally;
    tally.connections++;
    socket.on("error", () => {});
    socket.on("data", (octets) => this.#read(octets as Buffer));
    socket.write(settings());
    behaviour.onOpen?.(this);
  }

  get hasRoom(): boolean {
    return this.socket.writable && this.socket.writableLength < MOST_WAITING_OCTETS;
  }

  /** Sends frames that are meant to harm. */
  send(octets: Buffer, frames: number): void {
    if (!this.socket.writable) return;
    this.socket.write(octets);
    this.tally.frames += frames;
  }

  #read(octets: Buffer): void {
    let rest = this.#rest.length === 0 ? octets : Buffer.concat([this.#rest, octets]);
    const preface = Math.min(this.#preface, rest.length);
    this.#preface -= preface;
    rest = rest.subarray(preface);
    while (rest.length >= HEAD_OCTETS) {
      const length = rest.readUIntBE(0, 3);
      if (rest.length < HEAD_OCTETS + length) break;
      const payload = rest.subarray(HEAD_OCTETS, HEAD_OCTETS + length);
      this.#take(rest[3]!, rest[4]!, rest.readUInt32BE(5), payload);
      rest = rest.subarray(HEAD_OCTETS + length);
    }
    this.#rest = Buffer.from(rest);
  }

  #take(type: number, flags: number, id: number, payload: Buffer): void {
    const { tally } = this;
    if (type === 0 && payload.length > 0 && this.#behaviour.grants !== false) {
      const octets = Buffer.alloc(4);
      octets.writeUInt32BE(payload.length);
      this.socket.write(Buffer.concat([frame(8, 0, 0, octets), frame(8, 0, id, octets)]));
    }
    if (type === 1 && !this.streams.has(id)) {
      tally.streams++;
      this.streams.add(id);
      this.windows.set(id, this.#initialWindow);
      this.#behaviour.onRequest?.(this, id);
    }
    if (type === 3) {
      tally.resets++;
      this.streams.delete(id);
      this.windows.delete(id);
    }
    if (type === 4 && !(flags & ACK)) {
      for (let at = 0; at < payload.length; at += 6) {
        if (payload.readUInt16BE(at) === 4) this.#initialWindow = payload.readUInt32BE(at + 2);
      }
      this.socket.write(SETTINGS_ACK);
    }
    if (type === 6 && !(flags & ACK)) this.socket.write(ping(payload.toString("latin1"), true));
    if (type === 7) {
      const code = String(payload.readUInt32BE(4));
      tally.goaways[code] = (tally.goaways[code] ?? 0) + 1;
    }
    if (type === 8 && id === 0) this.window += payload.readUInt32BE(0);
    else if (type === 8) this.windows.set(id, (this.windows.get(id) ?? 0) + payload.readUInt32BE(0));
  }
}
