import type { IncomingMessage, ServerResponse } from "node:http";
import { ResponseFlag } from "../telemetry/response-flag.ts";
import { errorText } from "./error-answer.ts";
import type { Http1Connection, OpenRequest } from "./http1-connection.ts";
import type { Http1Fault } from "./http1-fault.ts";
import type { RequestHead } from "./request-head.ts";
import { fieldValue } from "./request-head.ts";

const TOO_LATE: Http1Fault = {
  status: 504,
  text: "the endpoint did not answer in time",
  flag: ResponseFlag.deadlineExceeded,
};

/** One request on its way through, and its answer. */
export class RequestExchange implements OpenRequest {
  readonly connection: Http1Connection;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly head: RequestHead;
  /** Cancels what goes on for it elsewhere. Called once, when the answer can no longer be complete. */
  onAbort: () => void = () => {};
  /** Called once, after the last octet of the answer or instead of it. */
  onEnd: (whole: boolean) => void = () => {};
  #answered = false;
  #waitTimer: NodeJS.Timeout | undefined;
  /** Octets of the body that Content-Length announced and that have not come; -1 for any number. */
  #bodyLeft = -1;

  constructor(
    connection: Http1Connection,
    request: IncomingMessage,
    response: ServerResponse,
    head: RequestHead,
  ) {
    this.connection = connection;
    this.request = request;
    this.response = response;
    this.head = head;
    connection.request = this;
    request.on("error", () => {});
    response.on("error", () => {});
    response.on("close", () => {
      clearTimeout(this.#waitTimer);
      const whole = response.writableFinished;
      if (!whole) this.onAbort();
      this.onAbort = () => {};
      this.onEnd(whole);
      connection.responseEnded(whole);
    });
  }

  /** Whether response headers have gone out, or the client is gone. */
  get started(): boolean {
    return this.#answered || this.response.headersSent || this.response.destroyed;
  }

  /** Bounds the time from the request's last octet to the first of its answer. */
  limitWait(timeoutMs: number): void {
    this.#waitTimer = setTimeout(() => {
      if (this.started) return;
      if (!this.connection.requestComplete) this.limitWait(timeoutMs);
      else this.fail(TOO_LATE);
    }, timeoutMs);
  }

  /** Whether nobody waits for the answer any more. */
  get over(): boolean {
    return this.response.destroyed || this.response.writableEnded;
  }

  fail(fault: Http1Fault): void {
    if (this.over) return;
    this.onAbort();
    this.onAbort = () => {};
    if (this.started) {
      // Half an answer must not look like a whole one.
      this.connection.destroy();
      return;
    }
    this.#answered = true;
    const { response, connection } = this;
    if (!connection.requestComplete) connection.closing = true;
    const body = errorText(fault);
    const fields = [
      "content-type",
      "text/plain; charset=utf-8",
      "content-length",
      String(Buffer.byteLength(body)),
    ];
    if (connection.closing) fields.push("connection", "close");
    response.writeHead(fault.status, fields);
    response.end(body);
  }

  /**
   * Begins the answer.
   * @param fields names and values by turns, hop-by-hop ones taken out.
   * @returns false when HTTP/1.1 has no way to say it; nothing has been said then.
   */
  begin(status: number, fields: string[]): boolean {
    if (this.started) return false;
    if (this.connection.closing) fields.push("connection", "close");
    try {
      this.response.writeHead(status, fields);
    } catch {
      return false;
    }
    const bodiless = this.head.method === "HEAD" || status === 204 || status === 304;
    const length = fieldValue(fields, "content-length");
    if (!bodiless && length !== "") this.#bodyLeft = Number(length);
    return true;
  }

  /** Writes octets of the answer's body. @returns false when the client is to catch up first. */
  write(octets: Buffer): boolean {
    if (this.#bodyLeft >= 0) {
      if (octets.length > this.#bodyLeft) {
        this.connection.destroy();
        return false;
      }
      this.#bodyLeft -= octets.length;
    }
    return this.response.write(octets);
  }

  /** Ends the answer; one that is shorter than it said is cut off, so that it does not look whole. */
  end(): void {
    if (this.#bodyLeft > 0) this.connection.destroy();
    else this.response.end();
  }

  /** Tells the client of an interim response, 103 for one. HTTP/1.0 has none. */
  inform(status: number, phrase: string, fields: readonly string[]): void {
    if (this.started || this.head.minorVersion === 0) return;
    const lines = [`HTTP/1.1 ${status} ${phrase}`];
    for (let i = 0; i < fields.length; i += 2) lines.push(`${fields[i]}: ${fields[i + 1]}`);
    this.connection.write(Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"));
  }
}
