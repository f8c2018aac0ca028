import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import type { SocketAddress } from "../config/socket-address.ts";
import type { AdminRoute } from "./admin-route.ts";
import { routeIndex } from "./admin-route.ts";
import { HttpServer, sendText } from "./http-server.ts";

/**
 * Serves the routes of an admin server: shows the state, and acts on POST only, so that no link and no page preloader changes anything.
 *
 * Requests whose Host is a name other than localhost are refused: a web page can point its own name at 127.0.0.1 (DNS
 * rebinding), and would otherwise read and drain the proxies of whoever visits it. An Origin header, which only
 * browsers send, is refused on POST for the same reason.
 */
export class RouteServer<View> {
  readonly #server: HttpServer;

  constructor(view: View, routes: readonly AdminRoute<View>[]) {
    this.#server = new HttpServer(async (request, response) => {
      const reply = await answer(view, routes, request);
      sendText(response, reply.status, reply.body, reply.headers);
    });
  }

  /**
   * @returns the port as bound; 0 for a unix socket.
   * @throws the system's error when the address cannot be bound.
   */
  listen(address: SocketAddress): Promise<number> {
    return this.#server.listen(address);
  }

  close(): Promise<void> {
    return this.#server.close();
  }
}

interface Reply {
  readonly status: number;
  readonly body: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

async function answer<View>(
  view: View,
  routes: readonly AdminRoute<View>[],
  request: IncomingMessage,
): Promise<Reply> {
  if (!isTrustedHost(request.headers.host)) {
    return { status: 403, body: "refused: the Host header is neither an IP address nor localhost\n" };
  }
  const url = URL.parse(request.url ?? "/", "http://localhost");
  if (url === null) return { status: 400, body: "the request target cannot be parsed\n" };
  const method = request.method === "HEAD" ? "GET" : request.method;
  const allowed = routes.filter((route) => route.path === url.pathname);
  const route = allowed.find((candidate) => candidate.method === method);
  if (route === undefined && url.pathname === "/" && method === "GET")
    return { status: 200, body: routeIndex(routes) };
  if (route !== undefined) {
    if (route.method === "POST" && request.headers.origin !== undefined) {
      return { status: 403, body: "refused: requests of web pages change nothing here\n" };
    }
    const reply = await route.answer(view, url.searchParams);
    const { contentType } = reply;
    const headers = { ...reply.headers, ...(contentType && { "content-type": contentType }) };
    return { status: reply.status, body: reply.body, headers };
  }
  if (allowed.length === 0 && url.pathname !== "/") {
    return { status: 404, body: `${url.pathname} does not exist; what exists:\n${routeIndex(routes)}` };
  }
  const allow = allowed[0]?.method === "POST" ? "POST" : "GET, HEAD";
  return { status: 405, body: `${url.pathname} answers ${allow} only\n`, headers: { allow } };
}

function isTrustedHost(host: string | undefined): boolean {
  // HTTP/1.0 clients and probes over unix sockets may send none; browsers always do.
  if (host === undefined || host === "") return true;
  const name = host.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
  return name === "localhost" || isIP(name) !== 0;
}
