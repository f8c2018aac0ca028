import type { ConnectionState } from "../h2/connection-state.ts";
import { literalRecord, writeLiteral, writeStatic } from "../h2/hpack/write-field.ts";
import { sendTrailers, writeHeaders } from "../h2/send.ts";
import { writeExplanation } from "./explain/explanation-field.ts";

/** The static table's `:status: 200`. */
const STATUS_200 = 8;
const CONTENT_TYPE = literalRecord("content-type", "application/grpc");
const STATUS_NAME = Buffer.from("grpc-status");
const MESSAGE_NAME = Buffer.from("grpc-message");
const PUSHBACK_NAME = Buffer.from("grpc-retry-pushback-ms");
/** HTTP statuses for requests that are not gRPC. Source: grpc/grpc doc/http-grpc-status-mapping.md, read backwards. */
const HTTP_STATUS: Readonly<Record<number, string>> = { 4: "504", 8: "429", 12: "404", 14: "503" };
const MAX_MESSAGE_OCTETS = 512;
const STATIC_STATUS_NAME = 8;

/** Percent-encodes a message as gRPC wants it: printable ASCII but `%` stays. Source: gRPC over HTTP/2, "Status-Message". */
function encodeMessage(message: string): Buffer {
  let encoded = "";
  for (const octet of Buffer.from(message.slice(0, MAX_MESSAGE_OCTETS), "utf8")) {
    encoded +=
      octet >= 0x20 && octet <= 0x7e && octet !== 0x25
        ? String.fromCharCode(octet)
        : `%${octet.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return Buffer.from(encoded.trim(), "latin1");
}

/** How an answer of our own is told. */
export interface LocalReply {
  readonly grpcStatus: number;
  readonly message: string;
  /** Whether the request is gRPC; else the answer is a bare HTTP status. */
  readonly grpc: boolean;
  /** Whether the client has had response headers: then this can only be trailers. */
  readonly started: boolean;
  /** How long a client that retries is to wait; 0: nothing is said of it. */
  readonly pushbackMs: number;
  /** How the request was picked for, told with the headers; "": nothing is said of it. */
  readonly explanation: string;
  /** Changes the headers, whose block is at that offset, as the request's route says. @returns the block's length. */
  readonly change: ((offset: number, octets: number) => number) | undefined;
}

/**
 * Answers a stream ourselves: trailers-only, or trailers after what the endpoint had sent. For gRPC the HTTP status is 200
 * and the error is in grpc-status and grpc-message (gRPC over HTTP/2, "Responses").
 *
 * @param scratch slab memory to build the section in: 8 KiB, and what `change` adds.
 */
export function sendLocalReply(
  connection: ConnectionState,
  slot: number,
  scratch: number,
  reply: LocalReply,
): void {
  const { bytes } = connection.engine.slab;
  let end = scratch;
  if (!reply.grpc && !reply.started) {
    const status = Buffer.from(HTTP_STATUS[reply.grpcStatus] ?? "500");
    end = writeLiteral(bytes, end, STATIC_STATUS_NAME, status, status);
    end = writeExplanation(bytes, end, reply.explanation);
    writeHeaders(connection, slot, scratch, changed(reply, scratch, end - scratch), 0, true);
    return;
  }
  if (!reply.started) {
    end = writeStatic(bytes, end, STATUS_200);
    bytes.set(CONTENT_TYPE, end);
    end += CONTENT_TYPE.length;
  }
  end = writeLiteral(bytes, end, 0, STATUS_NAME, Buffer.from(String(reply.grpcStatus)));
  end = writeLiteral(bytes, end, 0, MESSAGE_NAME, encodeMessage(reply.message));
  if (reply.pushbackMs > 0) {
    end = writeLiteral(bytes, end, 0, PUSHBACK_NAME, Buffer.from(String(reply.pushbackMs)));
  }
  if (!reply.started) end = writeExplanation(bytes, end, reply.explanation);
  if (reply.started) sendTrailers(connection, slot, scratch, end - scratch, 0);
  else writeHeaders(connection, slot, scratch, changed(reply, scratch, end - scratch), 0, true);
}

function changed({ change }: LocalReply, offset: number, octets: number): number {
  return change === undefined ? octets : change(offset, octets);
}
