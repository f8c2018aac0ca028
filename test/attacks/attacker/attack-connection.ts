import type { Socket } from "node:net";
import { connect } from "node:net";
import { errorName, PREFACE, ping, SETTINGS_ACK, settings } from "../../support/frames.ts";

const HEAD_OCTETS = 9;
const MAX_INCREMENT = 2 ** 31 - 1;
const Type = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goaway: 7, windowUpdate: 8 } as const;
/** Octets that may wait in this process: what the proxy does not read, it shall not be credited with. */
const MOST_WAITING_OCTETS = 262_144;

/** What connections of one attack add up. */
export interface AttackTally {
  frames: number;
  octets: number;
  streams: number;
  answers: number;
  received: number;
  resets: Record<string, number>;
}

/** Where connections of an attack come from and go to. */
export interface AttackWay {
  readonly host: string;
  readonly port: number;
  readonly source: string;
}

/** One connection of the attacker: sends what it is told, and notes of what it hears only what the report needs. */
export class AttackConnection {
  readonly socket: Socket;
  /** The next stream's id. */
  nextId = 1;
  /** Frames sent on this connection. */
  frames = 0;
  /** The code of the GOAWAY that came, and how many frames had been sent by then. */
  goaway: string | undefined;
  framesAtGoaway = 0;
  /** Octets of DATA that the connection's own window has room for. */
  credit = 65_535;
  /** Whether the proxy's SETTINGS and PING are answered; in the middle of a header section that would be an error. */
  acks = true;
  /** Set where the attacker ends the connection itself. */
  leaving = false;
  readonly openedMs: number = performance.now();
  readonly #tally: AttackTally;
  #head: Buffer = Buffer.alloc(0);
  /** Octets of the current frame's payload that are still to come and are not looked at. */
  #skip = 0;

  constructor({ host, port, source }: AttackWay, tally: AttackTally, reads: boolean) {
    this.#tally = tally;
    this.socket = connect({ port, host, localAddress: source, noDelay: true });
    this.socket.on("error", () => {});
    if (reads) this.socket.on("data", (octets) => this.#read(octets as Buffer));
    else this.socket.pause();
  }

  /** Whether more may be sent now. */
  get hasRoom(): boolean {
    return this.socket.writable && this.socket.writableLength < MOST_WAITING_OCTETS;
  }

  get #answers(): boolean {
    return this.acks && this.socket.writable;
  }

  /** Ends the connection. */
  leave(): void {
    this.leaving = true;
    this.socket.destroy();
  }

  send(octets: Buffer, frames: number): void {
    if (!this.socket.writable) return;
    this.socket.write(octets);
    this.frames += frames;
    this.#tally.frames += frames;
    this.#tally.octets += octets.length;
  }

  /** The first words every client says. */
  greet(values: Readonly<Record<number, number>> = {}, ...more: readonly Buffer[]): void {
    this.send(Buffer.concat([PREFACE, settings(values), ...more]), 2 + more.length);
  }

  /** @returns an id for a new stream. */
  open(): number {
    const id = this.nextId;
    this.nextId += 2;
    this.#tally.streams++;
    return id;
  }

  /** Called with the type and id of each frame that comes, when an attack wants to know. */
  onFrame: ((type: number, flags: number, id: number) => void) | undefined;

  #read(octets: Buffer): void {
    let at = 0;
    while (at < octets.length) {
      if (this.#skip > 0) {
        const part = Math.min(this.#skip, octets.length - at);
        this.#skip -= part;
        at += part;
        continue;
      }
      // Few frames are split, so joining the rest of one with the next read is cheap.
      if (this.#head.length > 0) {
        octets = Buffer.concat([this.#head, octets.subarray(at)]);
        at = 0;
        this.#head = Buffer.alloc(0);
      }
      if (octets.length - at < HEAD_OCTETS) break;
      const length = octets.readUIntBE(at, 3);
      const type = octets[at + 3]!;
      const small =
        type === Type.reset || type === Type.goaway || type === Type.ping || type === Type.windowUpdate;
      if (small && octets.length - at < HEAD_OCTETS + length) break;
      this.#take(type, octets[at + 4]!, octets.readUInt32BE(at + 5), octets, at + HEAD_OCTETS, length);
      at += HEAD_OCTETS;
      this.#skip = length;
    }
    if (this.#skip === 0 && at < octets.length) this.#head = Buffer.from(octets.subarray(at));
  }

  #take(type: number, flags: number, id: number, octets: Buffer, at: number, length: number): void {
    const tally = this.#tally;
    switch (type) {
      case Type.data:
        tally.received += length;
        break;
      case Type.headers:
        tally.answers++;
        break;
      case Type.reset: {
        const name = errorName(octets.readUInt32BE(at));
        tally.resets[name] = (tally.resets[name] ?? 0) + 1;
        break;
      }
      case Type.windowUpdate:
        if (id === 0) this.credit += octets.readUInt32BE(at) & MAX_INCREMENT;
        break;
      case Type.settings:
        if (!(flags & 1) && this.#answers) this.socket.write(SETTINGS_ACK);
        break;
      case Type.ping:
        if (!(flags & 1) && this.#answers) {
          this.socket.write(ping(octets.toString("latin1", at, at + 8), true));
        }
        break;
      case Type.goaway:
        this.goaway = errorName(octets.readUInt32BE(at + 4));
        this.framesAtGoaway = this.frames;
    }
    this.onFrame?.(type, flags, id);
  }
}
