import { once } from "node:events";
import type { Http2Server } from "node:http2";
import { createServer as createHttp2Server } from "node:http2";
import type { AddressInfo, Server, Socket } from "node:net";
import { createServer } from "node:net";

const END_OF_HEAD = "\r\n\r\n";

/** What a backend heard, whatever it speaks: the request lines, one each. */
export interface Recorded {
  readonly port: number;
  readonly requests: string[];
  stop(): void;
}

/**
 * A backend of HTTP/1.1 that is as easily fooled as can be: every head it can find in what it is sent, by looking for empty
 * lines alone, is a request to it. A body is skipped only if it is as long as Content-Length says.
 */
export async function recordHttp1(): Promise<Recorded & { readonly octets: string[] }> {
  const requests: string[] = [];
  const octets: string[] = [];
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.setEncoding("latin1");
    let text = "";
    socket.on("data", (part) => {
      octets.push(String(part));
      text += part;
      for (let end = text.indexOf(END_OF_HEAD); end >= 0; end = text.indexOf(END_OF_HEAD)) {
        const head = text.slice(0, end);
        const length = Number(/\r\ncontent-length: ([0-9]+)/i.exec(head)?.[1] ?? 0);
        const chunked = /\r\ntransfer-encoding: chunked/i.test(head);
        const bodyEnd = chunked ? endOfChunks(text, end + 4) : end + 4 + length;
        if (bodyEnd < 0 || text.length < bodyEnd) return;
        text = text.slice(bodyEnd);
        requests.push(head.slice(0, head.indexOf("\r\n")));
        socket.write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
      }
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    octets,
    stop: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Where the first thing that looks like a last chunk ends, trailers included; -1 when there is none yet. */
function endOfChunks(text: string, from: number): number {
  const last = /(?:^|\r\n)0\r\n(?:[^\r\n]+\r\n)*\r\n/.exec(text.slice(from));
  return last === null ? -1 : from + last.index + last[0].length;
}

/** A backend of HTTP/2 in clear text. */
export async function recordHttp2(): Promise<Recorded> {
  const requests: string[] = [];
  const server: Http2Server = createHttp2Server((request, response) => {
    requests.push(`${request.method} ${request.url} HTTP/2`);
    request.resume();
    request.on("end", () => response.end());
    request.on("error", () => {});
  });
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => sockets.add(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    stop: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
