import type { Socket } from "node:net";
import type { ConnectionSink } from "../../../h2/connection-sink.ts";
import { ResetCause } from "../../../h2/connection-sink.ts";
import type { ConnectionState } from "../../../h2/connection-state.ts";
import { Role } from "../../../h2/connection-state.ts";
import { ErrorCode } from "../../../h2/error-code.ts";
import { BlockKind } from "../../../h2/hpack/block-kind.ts";
import { releaseFields } from "../../../h2/hpack/release-fields.ts";
import { consume } from "../../../h2/receive-data.ts";
import { abortStream } from "../../../h2/stream/stream-life.ts";
import type { ChannelOwner } from "../../../net/h2-channel.ts";
import { H2Channel } from "../../../net/h2-channel.ts";
import { StreamTransport } from "../../../net/stream-transport.ts";
import { sendLocalReply } from "../../../proxy/local-reply.ts";
import { GrpcCall } from "./grpc-call.ts";
import type { GrpcSurroundings } from "./grpc-surroundings.ts";

/** Takes a call of one method, and says at once or later who {@link GrpcCall.serve}s it. */
export type Method = (call: GrpcCall) => void;

/** What a {@link GrpcConnection} works with. */
export interface GrpcConnectionOptions {
  readonly shared: GrpcSurroundings;
  /** Of all connections, by the engine's slot. */
  readonly calls: (GrpcCall | undefined)[];
  readonly socket: Socket;
  /** By path. */
  readonly methods: ReadonlyMap<string, Method>;
  /** Octets of a message at most. */
  readonly maxMessageOctets: number;
  readonly onGone: (connection: GrpcConnection) => void;
}

const TRAITS = { dataEvents: true, foreign: false } as const;
/** gRPC status codes. */
const INTERNAL = 13;
const UNIMPLEMENTED = 12;
const KEEPALIVE_TOKEN = 1;

/** One client's connection with its calls. */
export class GrpcConnection implements ConnectionSink, ChannelOwner {
  readonly peer: string;
  readonly #options: GrpcConnectionOptions;
  readonly #channel: H2Channel;
  /** When a PING was sent that is not answered; 0: none is. */
  #pingedMs = 0;

  constructor(options: GrpcConnectionOptions) {
    const { shared, socket } = options;
    this.#options = options;
    this.peer = `${socket.remoteAddress ?? "unknown"}:${socket.remotePort ?? 0}`;
    socket.setNoDelay(true);
    const { slab } = shared.engine;
    this.#channel = new H2Channel(
      shared,
      Role.server,
      this,
      this,
      (owner) => new StreamTransport(slab, shared.area, socket, owner, TRAITS),
    );
  }

  /** Asks a client that says nothing whether it is there, and gives up one that does not answer. */
  keepAlive(nowMs: number, timeMs: number, timeoutMs: number): void {
    if (this.#pingedMs > 0) {
      if (nowMs - this.#pingedMs >= timeoutMs) this.#channel.destroy();
      return;
    }
    if (nowMs - this.#state.lastReceivedMs < timeMs) return;
    this.#pingedMs = nowMs;
    this.#channel.connection.ping(KEEPALIVE_TOKEN);
  }

  destroy(): void {
    this.#channel.destroy();
  }

  get #state(): ConnectionState {
    return this.#channel.connection.state;
  }

  onHeaders(slot: number, kind: BlockKind, octets: number, endStream: boolean): void {
    const { shared, calls, methods, maxMessageOctets } = this.#options;
    const { slab, pool, scratch } = shared.engine;
    if (kind === BlockKind.trailers) {
      releaseFields(slab, pool, scratch, octets);
      calls[slot]?.received(0, 0, true);
      return;
    }
    shared.headers.begin(scratch, octets);
    const path = shared.valueOf(shared.path);
    const authorization = shared.valueOf(shared.authorization);
    const grpc = this.#state.decoder.isGrpc;
    releaseFields(slab, pool, scratch, octets);
    const method = grpc ? methods.get(path) : undefined;
    if (method === undefined) {
      this.#refuse(slot, UNIMPLEMENTED, `${path} is not served here`, grpc);
      return;
    }
    const call = new GrpcCall(
      shared,
      this.#state,
      slot,
      { peer: this.peer, authorization },
      maxMessageOctets,
    );
    calls[slot] = call;
    method(call);
    if (endStream) call.received(0, 0, true);
  }

  onHeadersTooLarge(slot: number): void {
    this.#refuse(slot, INTERNAL, "the headers are too large", true);
  }

  onBodyTooLarge(): void {
    // There is no limit of a whole body.
  }

  onData(slot: number, offset: number, length: number, endStream: boolean): void {
    const call = this.#options.calls[slot];
    if (call !== undefined && !call.isOver) call.received(offset, length, endStream);
    else if (length > 0) consume(this.#state, slot, length, false);
  }

  onDrained(slot: number): void {
    this.#options.calls[slot]?.drained();
  }

  onReset(): void {
    // It is closed next.
  }

  onClosed(slot: number): void {
    const { calls } = this.#options;
    const call = calls[slot];
    calls[slot] = undefined;
    call?.closed();
  }

  onSettings(): void {
    // Nothing waits for them.
  }

  onGoaway(): void {
    // Its streams go on until they end.
  }

  onPong(): void {
    this.#pingedMs = 0;
  }

  onFailed(): void {
    setImmediate(() => {
      while (this.#state.firstStream !== 0)
        abortStream(this.#state, this.#state.firstStream, ErrorCode.cancel, ResetCause.connectionLost);
      this.#channel.end();
    });
  }

  onConnected(): void {
    // Accepted connections stand from the start.
  }

  onGone(): void {
    this.#options.onGone(this);
  }

  #refuse(slot: number, grpcStatus: number, message: string, grpc: boolean): void {
    const reply = {
      grpcStatus,
      message,
      grpc,
      started: false,
      pushbackMs: 0,
      explanation: "",
      change: undefined,
    };
    sendLocalReply(this.#state, slot, this.#options.shared.replyScratch, reply);
  }
}
