import { STATUS_CODES } from "node:http";
import { RESPONSE_FLAG_CODES } from "../telemetry/response-flag.ts";
import type { Http1Fault } from "./http1-fault.ts";

/** @returns the body of an answer of our own: one line with the response flag, as the metrics and the access log have it. */
export function errorText(fault: Http1Fault): string {
  return `isobar: ${fault.text} (${RESPONSE_FLAG_CODES[fault.flag]})\n`;
}

/** @returns a whole answer of our own, after which the connection is closed: for requests that no parser takes. */
export function errorAnswer(fault: Http1Fault): string {
  const body = errorText(fault);
  return [
    `HTTP/1.1 ${fault.status} ${STATUS_CODES[fault.status] ?? "Error"}`,
    "content-type: text/plain; charset=utf-8",
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
    "",
    body,
  ].join("\r\n");
}
