import type { Readable } from "node:stream";
import { Base64Decoder } from "./base64-decoder.ts";
import type { Http2Dialect } from "./forward-http2.ts";
import { PLAIN_HTTP } from "./forward-http2.ts";
import type { GrpcWebMediaType } from "./grpc-web-media-type.ts";
import { wantsText } from "./grpc-web-media-type.ts";
import type { RequestHead } from "./request-head.ts";
import { fieldValue } from "./request-head.ts";
import { trailerFrame } from "./trailer-frame.ts";

const HTTP_OK = 200;

/**
 * gRPC-Web as gRPC: the messages are the same octets, so they pass as they come, base64 or not; only content types differ, and trailers
 * come as the body's last message. Source: grpc/grpc doc/PROTOCOL-WEB.md.
 *
 * Accept and content-length are ours and not the endpoint's; all other fields are metadata, `grpc-timeout` and `-bin` among them.
 */
export function grpcWebDialect(head: RequestHead, type: GrpcWebMediaType): Http2Dialect {
  const text = wantsText(fieldValue(head.fields, "accept"), type);
  const contentType = `application/grpc-web${text ? "-text" : ""}`;
  /** Not every answer is gRPC: a gateway's 404, for one, passes as it is. */
  let translated = false;
  const encode = (octets: Buffer): Buffer =>
    text ? Buffer.from(octets.toString("base64"), "latin1") : octets;
  return {
    requestFields: (fields) => [
      ...without(fields, ["content-type", "accept"]),
      "content-type",
      `application/grpc${type.suffix}`,
      ...(head.takesTrailers ? [] : ["te", "trailers"]),
    ],
    keepsLength: false,
    requestBody: (body) => (type.text ? decoded(body) : body),
    begin: (exchange, status, fields, ended) => {
      const answered = fieldValue(fields, "content-type");
      translated = status === HTTP_OK && /^application\/grpc(?:[+; ]|$)/i.test(answered);
      if (!translated) return exchange.begin(status, fields);
      const suffix = /^application\/grpc(\+[\w.-]+)?/i.exec(answered)![1] ?? "";
      const kept = [
        "content-type",
        contentType + suffix,
        ...without(fields, ["content-type", "content-length"]),
      ];
      // With trailers only there is nothing but headers, and the status is among them.
      if (ended) kept.push("content-length", "0");
      const begun = exchange.begin(status, kept);
      if (begun) exchange.response.flushHeaders();
      translated &&= !ended;
      return begun;
    },
    write: (exchange, octets) => exchange.write(translated ? encode(octets) : octets),
    end: (exchange, trailers) => {
      if (translated) exchange.write(encode(trailerFrame(trailers)));
      PLAIN_HTTP.end(exchange, translated ? [] : trailers);
    },
  };
}

function decoded(body: Readable): Readable {
  const decoder = new Base64Decoder();
  body.on("error", (error) => decoder.destroy(error));
  return body.pipe(decoder);
}

/** @param names in lower case, as the fields' are. */
function without(fields: readonly string[], names: readonly string[]): string[] {
  const kept: string[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    if (!names.includes(fields[i]!)) kept.push(fields[i]!, fields[i + 1]!);
  }
  return kept;
}
