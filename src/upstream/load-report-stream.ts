import { LONGEST_REPORT_OCTETS } from "../grpc/load-report-reader.ts";
import { ErrorCode } from "../h2/error-code.ts";
import { literalRecord, writeStatic } from "../h2/hpack/write-field.ts";
import { consume } from "../h2/receive-data.ts";
import { resetStream } from "../h2/reset-stream.ts";
import { sendData } from "../h2/send.ts";
import type { OwnStream } from "./own-stream.ts";
import type { UpstreamChannel } from "./upstream-channel.ts";

/** Octets before each message of a gRPC stream: whether it is compressed, and its length. */
const PREFIX_OCTETS = 5;
/** The static table's `:method: POST` and `:scheme: http`, `https`. */
const METHOD_POST = 3;
const SCHEME_HTTP = 6;
const SCHEME_HTTPS = 7;
const UNIMPLEMENTED = 12;
const NANOSECONDS_PER_MS = 1e6;

/** What a stream of reports tells who opened it. */
export interface LoadReportStreamOwner {
  /** A whole OrcaLoadReport; its octets are valid during the call only. */
  reported(bytes: Uint8Array, offset: number, length: number): void;
  /** The stream has ended. @param unimplemented the endpoint has no such service. */
  streamEnded(unimplemented: boolean): void;
}

/** The octets that ask for reports, made once for all endpoints of a cluster. */
export interface LoadReportRequest {
  /** A field block. */
  readonly head: Uint8Array;
  /** The one message, with its prefix. */
  readonly body: Uint8Array;
}

/** @param authority as clients send it. @param intervalMs wanted between reports; servers may take a longer one. */
export function loadReportRequest(authority: string, intervalMs: number, tls: boolean): LoadReportRequest {
  const statics = new Uint8Array(2);
  writeStatic(statics, writeStatic(statics, 0, METHOD_POST), tls ? SCHEME_HTTPS : SCHEME_HTTP);
  const head = Buffer.concat([
    statics,
    literalRecord(":path", "/xds.service.orca.v3.OpenRcaService/StreamCoreMetrics"),
    literalRecord(":authority", authority),
    literalRecord("te", "trailers"),
    literalRecord("content-type", "application/grpc"),
    literalRecord("user-agent", "isobar"),
  ]);
  const duration = [0x08, ...varint(Math.floor(intervalMs / 1000))];
  const nanoseconds = (intervalMs % 1000) * NANOSECONDS_PER_MS;
  if (nanoseconds > 0) duration.push(0x10, ...varint(nanoseconds));
  const message = [0x0a, duration.length, ...duration];
  return { head, body: Uint8Array.from([0, 0, 0, 0, message.length, ...message]) };
}

function varint(value: number): number[] {
  const octets: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) octets.push((rest % 0x80) | 0x80);
  return [...octets, rest];
}

/**
 * One call of `OpenRcaService.StreamCoreMetrics`, on a connection that clients' streams use: the endpoint says on it every now and
 * then how loaded it is. What it says that is no such report ends the call.
 *
 * Source: gRFC A51, xds.service.orca.v3.
 */
export class LoadReportStream implements OwnStream {
  slot = 0;
  readonly #channel: UpstreamChannel;
  readonly #owner: LoadReportStreamOwner;
  #unimplemented = false;
  /** A message that came in parts, its prefix first. */
  #carry: Buffer | undefined;
  #carried = 0;

  private constructor(channel: UpstreamChannel, owner: LoadReportStreamOwner) {
    this.#channel = channel;
    this.#owner = owner;
  }

  /**
   * Opens the call on a connection that has no stream of ours yet.
   *
   * @param scratch slab memory that head and body fit in.
   * @returns undefined when the connection has no room for it.
   */
  static open(
    channel: UpstreamChannel,
    request: LoadReportRequest,
    scratch: number,
    owner: LoadReportStreamOwner,
  ): LoadReportStream | undefined {
    const { connection } = channel;
    const { bytes } = connection.state.engine.slab;
    const { head, body } = request;
    bytes.set(head, scratch);
    const slot = connection.open(scratch, head.length, 0, false);
    if (slot === 0) return undefined;
    const stream = new LoadReportStream(channel, owner);
    stream.slot = slot;
    channel.ownStream = stream;
    bytes.set(body, scratch);
    sendData(connection.state, slot, scratch, body.length, true);
    return stream;
  }

  onHeaders(httpStatus: number, grpcStatus: number): void {
    // Source: grpc/grpc doc/http-grpc-status-mapping.md.
    if (grpcStatus === UNIMPLEMENTED || httpStatus === 404) this.#unimplemented = true;
  }

  onData(offset: number, length: number, endStream: boolean): void {
    const { state } = this.#channel.connection;
    const { bytes } = state.engine.slab;
    const { slot } = this;
    const end = offset + length;
    for (let at = offset; at < end && at > 0; ) at = this.#take(bytes, at, end);
    if (this.slot === slot && !endStream) consume(state, slot, length, true);
  }

  /** @returns the offset behind what was used; -1 when the call was given up. */
  #take(bytes: Uint8Array, at: number, end: number): number {
    if (this.#carry === undefined && end - at >= PREFIX_OCTETS) {
      const length = messageLength(bytes, at);
      if (length < 0) return this.#giveUp();
      const next = at + PREFIX_OCTETS + length;
      if (next <= end) {
        this.#owner.reported(bytes, at + PREFIX_OCTETS, length);
        return this.slot === 0 ? -1 : next;
      }
    }
    this.#carry ??= Buffer.allocUnsafe(PREFIX_OCTETS + LONGEST_REPORT_OCTETS);
    const carry = this.#carry;
    let wanted = PREFIX_OCTETS;
    if (this.#carried >= PREFIX_OCTETS) wanted += messageLength(carry, 0);
    const part = Math.min(wanted - this.#carried, end - at);
    carry.set(bytes.subarray(at, at + part), this.#carried);
    this.#carried += part;
    if (this.#carried === PREFIX_OCTETS && wanted === PREFIX_OCTETS) {
      const length = messageLength(carry, 0);
      if (length < 0) return this.#giveUp();
      wanted += length;
    }
    if (this.#carried === wanted) {
      this.#carry = undefined;
      this.#carried = 0;
      this.#owner.reported(carry, PREFIX_OCTETS, wanted - PREFIX_OCTETS);
      if (this.slot === 0) return -1;
    }
    return at + part;
  }

  #giveUp(): number {
    this.cancel();
    return -1;
  }

  cancel(): void {
    const { slot } = this;
    const { state } = this.#channel.connection;
    // A connection that breaks or closes ends its streams itself.
    if (slot === 0 || state.failed || state.closed) return;
    resetStream(state, slot, ErrorCode.cancel);
  }

  onClosed(): void {
    this.slot = 0;
    if (this.#channel.ownStream === this) this.#channel.ownStream = undefined;
    this.#carry = undefined;
    this.#owner.streamEnded(this.#unimplemented);
  }
}

/** @returns the length of the message that a prefix announces, -1 when it is compressed or too long. */
function messageLength(bytes: Uint8Array, at: number): number {
  const length = bytes[at + 1]! * 2 ** 24 + ((bytes[at + 2]! << 16) | (bytes[at + 3]! << 8) | bytes[at + 4]!);
  return bytes[at] !== 0 || length > LONGEST_REPORT_OCTETS ? -1 : length;
}
