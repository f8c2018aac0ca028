import type { IncomingMessage } from "node:http";
import { request as httpRequest, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream";
import type { EndpointLease } from "../proxy/port/endpoint-lease.ts";
import type { Http1Upstream } from "./forward-http1.ts";
import { http1RequestFields, http1RequestOptions, upstreamFault } from "./forward-http1.ts";
import { endToEndResponseFields } from "./hop-by-hop.ts";
import type { Http1Connection } from "./http1-connection.ts";
import { clientFault } from "./http1-fault.ts";
import type { RequestHead } from "./request-head.ts";

/**
 * Sends a request to change the protocol (WebSocket) to one endpoint. Only when that has agreed, in the words of RFC 9110 §7.8,
 * do the two connections become one; until then no octet behind the request is passed on. Any other answer is passed
 * on, and ends the client's connection.
 */
export function forwardUpgrade(
  connection: Http1Connection,
  head: RequestHead,
  upstream: Http1Upstream,
  lease: EndpointLease,
  timeoutMs: number,
): void {
  const { name } = lease.cluster.snapshot;
  let status = 0;
  const fields = [
    ...http1RequestFields(head, upstream, lease),
    "connection",
    "upgrade",
    "upgrade",
    head.upgrade,
  ];
  const sent = httpRequest(http1RequestOptions(upstream, head, fields, lease, true));
  const timer = setTimeout(
    () => connection.refuse(clientFault(504, "the endpoint did not answer in time")),
    timeoutMs,
  );
  connection.request = { fail: (fault) => connection.refuse(fault) };
  connection.once("close", () => {
    clearTimeout(timer);
    sent.destroy();
    lease.release();
  });
  const refuse = (error: Error): void => {
    if (status === 0) connection.refuse(upstreamFault(error, name));
    else connection.destroy();
  };
  sent.on("error", refuse);
  sent.on("upgrade", (answer, endpoint, first) => {
    clearTimeout(timer);
    if (answer.statusCode !== 101 || answer.headers.upgrade?.toLowerCase() !== head.upgrade) {
      endpoint.destroy();
      refuse(Object.assign(new Error("another protocol"), { code: "HPE_UPGRADE" }));
      return;
    }
    status = 101;
    join(connection, answer, endpoint, first, head.upgrade);
  });
  sent.on("response", (answer) => {
    clearTimeout(timer);
    answer.on("error", () => connection.destroy());
    status = answer.statusCode ?? 0;
    // Without a length the end of the connection is the end of the body.
    writeHead(connection, answer, ["connection", "close"]);
    pipeline(answer, connection, () => connection.destroy());
  });
  sent.end();
}

function writeHead(connection: Http1Connection, answer: IncomingMessage, more: readonly string[]): void {
  const status = answer.statusCode ?? 0;
  const fields = [...endToEndResponseFields(answer.rawHeaders), ...more];
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Unknown"}`];
  for (let i = 0; i < fields.length; i += 2) lines.push(`${fields[i]}: ${fields[i + 1]}`);
  connection.write(Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"));
}

function join(
  connection: Http1Connection,
  answer: IncomingMessage,
  endpoint: Duplex,
  first: Buffer,
  protocol: string,
): void {
  writeHead(connection, answer, ["connection", "upgrade", "upgrade", protocol]);
  if (first.length > 0) connection.write(first);
  connection.tunnel();
  pipeline(endpoint, connection, (error) => {
    if (error) connection.destroy();
  });
  pipeline(connection, endpoint, (error) => {
    if (error) endpoint.destroy();
  });
  endpoint.once("close", () => connection.end());
}
