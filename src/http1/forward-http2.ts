import { STATUS_CODES } from "node:http";
import type { ClientHttp2Stream, IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http2";
import { constants } from "node:http2";
import type { Readable } from "node:stream";
import { ResponseFlag } from "../telemetry/response-flag.ts";
import { endToEndRequestFields, endToEndResponseFields } from "./hop-by-hop.ts";
import { clientFault } from "./http1-fault.ts";
import type { InnerChannel } from "./inner-channel.ts";
import type { RequestExchange } from "./request-exchange.ts";
import { BodyFraming, fieldValue } from "./request-head.ts";

/** What differs between plain HTTP and gRPC-Web on the way through HTTP/2. */
export interface Http2Dialect {
  /** Changes the request's fields: names and values by turns. */
  readonly requestFields: (fields: string[]) => string[];
  /** Whether the length of the body is the same on both sides. */
  readonly keepsLength: boolean;
  /** @returns what the request's body is read from. */
  readonly requestBody: (body: Readable) => Readable;
  /** Begins the answer. @returns false when it cannot be said. */
  readonly begin: (exchange: RequestExchange, status: number, fields: string[], ended: boolean) => boolean;
  /** Writes octets of the answer's body. @returns false when the client is to catch up first. */
  readonly write: (exchange: RequestExchange, octets: Buffer) => boolean;
  /** Ends the answer. @param trailers names and values by turns. */
  readonly end: (exchange: RequestExchange, trailers: string[]) => void;
}

/** Ordinary HTTP. */
export const PLAIN_HTTP: Http2Dialect = {
  requestFields: (fields) => fields,
  keepsLength: true,
  requestBody: (body) => body,
  begin: (exchange, status, fields) => exchange.begin(status, fields),
  write: (exchange, octets) => exchange.write(octets),
  end: (exchange, trailers) => {
    const { response, head } = exchange;
    // What broke off on its way ends with the data plane's own words for gRPC clients; here it would look whole.
    const status = fieldValue(trailers, "grpc-status");
    if (status !== "" && status !== "0") {
      exchange.connection.destroy();
      return;
    }
    // Trailers are for clients that said they take them. Source: RFC 9110 §6.5.1.
    if (trailers.length > 0 && head.takesTrailers) response.addTrailers(pairs(trailers));
    exchange.end();
  },
};

function pairs(fields: readonly string[]): [string, string][] {
  const list: [string, string][] = [];
  for (let i = 0; i < fields.length; i += 2) list.push([fields[i]!, fields[i + 1]!]);
  return list;
}

/** Sends a request through our own data plane as HTTP/2, and brings the answer back. */
export function forwardHttp2(exchange: RequestExchange, inner: InnerChannel, dialect: Http2Dialect): void {
  const { head, request } = exchange;
  const bodiless = head.framing === BodyFraming.none;
  const fields = dialect.requestFields(endToEndRequestFields(head));
  const headers: OutgoingHttpHeaders = {
    ":method": head.method,
    ":scheme": "http",
    ":authority": head.authority,
    ":path": head.target,
  };
  for (let i = 0; i < fields.length; i += 2) append(headers, fields[i]!, fields[i + 1]!);
  if (dialect.keepsLength && head.framing === BodyFraming.length) {
    headers["content-length"] = String(head.contentLength);
  }
  if (head.expectsContinue && dialect.keepsLength) headers.expect = "100-continue";
  if (head.takesTrailers) headers.te = "trailers";
  let stream: ClientHttp2Stream;
  try {
    stream = inner.session.request(headers, {
      endStream: bodiless,
      waitForTrailers: head.framing === BodyFraming.chunked,
    });
  } catch {
    exchange.fail(clientFault(400, "a field of the request cannot be sent as HTTP/2"));
    return;
  }
  exchange.onAbort = () => stream.close(constants.NGHTTP2_CANCEL);
  if (!bodiless) sendBody(exchange, stream, dialect.requestBody(request));
  if (head.expectsContinue && !dialect.keepsLength) exchange.response.writeContinue();
  receive(exchange, stream, dialect);
}

function append(headers: OutgoingHttpHeaders, name: string, value: string): void {
  const present = headers[name];
  if (present === undefined) headers[name] = value;
  else if (Array.isArray(present)) present.push(value);
  else headers[name] = [String(present), value];
}

function sendBody(exchange: RequestExchange, stream: ClientHttp2Stream, body: Readable): void {
  body.pipe(stream);
  body.on("error", (error) => exchange.fail(clientFault(400, error.message)));
  stream.on("wantTrailers", () => {
    const { rawTrailers } = exchange.request;
    const trailers: OutgoingHttpHeaders = {};
    for (let i = 0; i < rawTrailers.length; i += 2) {
      append(trailers, rawTrailers[i]!.toLowerCase(), rawTrailers[i + 1]!);
    }
    try {
      stream.sendTrailers(trailers);
    } catch {
      exchange.fail(clientFault(400, "a trailer field cannot be sent as HTTP/2"));
    }
  });
}

function receive(exchange: RequestExchange, stream: ClientHttp2Stream, dialect: Http2Dialect): void {
  const { response } = exchange;
  let trailers: string[] = [];
  let refused = false;
  const pass = (octets: Buffer): void => {
    if (exchange.over || dialect.write(exchange, octets)) return;
    stream.pause();
    response.once("drain", () => stream.resume());
  };
  stream.on("continue", () => {
    if (!exchange.started && exchange.head.minorVersion === 1) response.writeContinue();
  });
  stream.on(
    "headers",
    (headers: IncomingHttpHeaders & { ":status"?: number }, _flags: number, raw: string[]) => {
      const status = headers[":status"]!;
      if (status === 100) return;
      exchange.inform(status, STATUS_CODES[status] ?? "Informational", endToEndResponseFields(raw));
    },
  );
  stream.on("response", (headers, flags: number, raw: unknown) => {
    const status = headers[":status"]!;
    const ended = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    if (exchange.over) return;
    if (dialect.begin(exchange, status, endToEndResponseFields(raw as string[]), ended)) {
      // Not before: Node tells of the first octets earlier than of the headers before them.
      stream.on("data", pass);
      return;
    }
    refused = true;
    exchange.fail(badAnswer("the endpoint's answer cannot be sent as HTTP/1.1"));
  });
  stream.on("trailers", (_headers, _flags, raw: unknown) => {
    trailers = endToEndResponseFields(raw as string[]);
  });
  let complete = false;
  stream.on("end", () => {
    complete = true;
  });
  stream.on("error", () => {});
  stream.on("close", () => {
    if (exchange.over || refused) return;
    if (complete && stream.rstCode === constants.NGHTTP2_NO_ERROR && response.headersSent) {
      dialect.end(exchange, trailers);
    } else exchange.fail(badAnswer("the request was reset on its way"));
  });
}

function badAnswer(text: string): { status: number; text: string; flag: ResponseFlag } {
  return { status: 502, text, flag: ResponseFlag.upstreamReset };
}
