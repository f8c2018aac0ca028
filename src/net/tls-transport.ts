import type { ConnectionOptions, TLSSocket } from "node:tls";
import type { Slab } from "../base/slab.ts";
import type { GateEntry, HandshakeGate } from "./handshake-gate.ts";
import type { ReadArea } from "./read-area.ts";
import { StreamTransport } from "./stream-transport.ts";
import type { Transport, TransportOwner } from "./transport.ts";

/** A dial whose TCP connection takes longer than this is not at the handshake yet, and lets others have its turn. */
const TCP_TURN_MS = 100;

/** What a {@link TlsTransport} dials. */
export interface TlsDial {
  /** An IP literal. */
  readonly address: string;
  readonly port: number;
  /** Secure context, server name, session and identity check, as `tls.connect` takes them; asked for when the dial begins. */
  readonly options: () => ConnectionOptions;
  /** Told of sessions that a later dial may resume. */
  readonly onSession?: (session: Buffer) => void;
  /** The protocol the endpoint has to agree to by ALPN, such as `h2`; "" when anything will do. */
  readonly alpn: string;
}

/** Why the endpoint's ALPN answer is no good. */
export class AlpnError extends Error {
  readonly code = "ISOBAR_ALPN";

  constructor(wanted: string, found: string | false | null) {
    super(`the endpoint's TLS does not speak ${wanted} (ALPN: ${found ? found : "none"})`);
  }
}

/**
 * TLS as a client. Until the endpoint has proved who it is, and agreed to the protocol, nothing that was written leaves.
 *
 * TLS copies what is written into its records and says later that it is done: a block is always given back by `onReleased`.
 */
export class TlsTransport implements Transport, GateEntry {
  readonly #slab: Slab;
  readonly #area: ReadArea;
  readonly #dial: TlsDial;
  readonly #gate: HandshakeGate;
  readonly #onDialling: () => void;
  #owner: TransportOwner;
  #socket: TLSSocket | undefined;
  #stream: AreaTlsStream | undefined;
  /** Offset and length of what was written before the connection was secure. */
  readonly #early: number[] = [];
  #secure = false;
  #paused = false;
  #open = true;
  #turnTimer: NodeJS.Timeout | undefined;

  /**
   * Dials as soon as the gate lets it; `onConnected` or `onClose` follows.
   *
   * @param onDialling told when the dial begins, which may be at once: time limits count from here.
   */
  constructor(
    slab: Slab,
    area: ReadArea,
    dial: TlsDial,
    gate: HandshakeGate,
    owner: TransportOwner,
    onDialling: () => void,
  ) {
    this.#slab = slab;
    this.#area = area;
    this.#dial = dial;
    this.#gate = gate;
    this.#owner = owner;
    this.#onDialling = onDialling;
    gate.ask(this);
  }

  enter(): void {
    const { address, port, options, onSession, alpn } = this.#dial;
    // Loaded here, so that a process without TLS never is.
    const { connect } = process.getBuiltinModule("node:tls");
    const area = this.#area;
    const onread = {
      buffer: area.buffer,
      callback: (length: number) => {
        this.#stream?.readArea(length);
        return true;
      },
    };
    this.#onDialling();
    let socket: TLSSocket;
    try {
      socket = connect({
        ...options(),
        host: address,
        port,
        allowHalfOpen: true,
        ...(alpn === "" ? {} : { ALPNProtocols: [alpn] }),
        ...(area.reads === "data" ? {} : { onread }),
      } as ConnectionOptions);
    } catch (error) {
      // OpenSSL takes no offence at a file before it is used, such as a key that is too short for it.
      this.#fail(error as Error);
      return;
    }
    socket.setNoDelay(true);
    this.#socket = socket;
    if (onSession !== undefined) socket.on("session", onSession);
    socket.once("connect", () => clearTimeout(this.#turnTimer));
    socket.once("secureConnect", () => this.#secured(socket));
    socket.once("close", () => this.#leaveGate());
    this.#stream = new AreaTlsStream(this.#slab, area, socket, this.#owner);
    this.#turnTimer = setTimeout(() => this.#gate.leave(this), TCP_TURN_MS);
  }

  #secured(socket: TLSSocket): void {
    this.#leaveGate();
    const { alpn } = this.#dial;
    if (alpn !== "" && socket.alpnProtocol !== alpn) {
      socket.destroy(new AlpnError(alpn, socket.alpnProtocol));
      return;
    }
    this.#secure = true;
    const stream = this.#stream!;
    for (let i = 0; i < this.#early.length; i += 2) {
      if (stream.write(this.#early[i]!, this.#early[i + 1]!)) this.#owner.onReleased();
    }
    this.#early.length = 0;
    this.#owner.onConnected();
    if (this.#paused) stream.pause();
  }

  #leaveGate(): void {
    clearTimeout(this.#turnTimer);
    this.#gate.leave(this);
  }

  adopt(owner: TransportOwner): void {
    this.#owner = owner;
    this.#stream?.adopt(owner);
  }

  get open(): boolean {
    return this.#open && (this.#stream === undefined || this.#stream.open);
  }

  /** The protocol agreed to by ALPN; "" before the connection is secure, and where there is none. */
  get alpnProtocol(): string {
    return this.#secure ? this.#socket?.alpnProtocol || "" : "";
  }

  write(offset: number, length: number): boolean {
    if (this.#secure) return this.#stream!.write(offset, length);
    if (!this.#open) return true;
    this.#early.push(offset, length);
    return false;
  }

  /** Before it is secure the connection has to go on reading, for the handshake's sake. */
  pause(): void {
    this.#paused = true;
    if (this.#secure) this.#stream!.pause();
  }

  resume(): void {
    this.#paused = false;
    if (this.#secure) this.#stream!.resume();
  }

  end(lingerMs: number): void {
    if (this.#secure) this.#stream!.end(lingerMs);
    else this.destroy();
    this.#open = false;
  }

  destroy(reset = false): void {
    if (!this.#open) {
      this.#stream?.destroy(reset);
      return;
    }
    if (this.#stream !== undefined) {
      this.#open = false;
      this.#stream.destroy(reset);
      return;
    }
    this.#fail(undefined);
  }

  /** Ends what never had a socket. Told later, as a socket's end is: the caller may be in the middle of something. */
  #fail(error: Error | undefined): void {
    this.#open = false;
    this.#gate.leave(this);
    process.nextTick(() => this.#owner.onClose(error));
  }
}

/** A TLS socket that fills the read area, and may do so a few times more after it was paused: a record is decrypted as a whole. */
class AreaTlsStream extends StreamTransport {
  constructor(slab: Slab, area: ReadArea, socket: TLSSocket, owner: TransportOwner) {
    super(slab, area, socket, owner, { dataEvents: area.reads === "data", foreign: false });
  }

  readArea(length: number): void {
    this.tellArea(length);
  }
}
