import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { createServer, request } from "node:https";
import type { AddressInfo } from "node:net";
import { TestAuthority } from "../../support/test-authority.ts";

/** A request as RBAC sees it. */
export interface ApiCall {
  readonly verb: string;
  /** `resource.group`, or `resource` in the core group; with its subresource: `services/status`. */
  readonly resource: string;
  /** "" where none is named. */
  readonly namespace: string;
  readonly name: string;
  /** What the API server answered; 0 before it has. */
  status: number;
}

const VERBS: Readonly<Record<string, string>> = {
  POST: "create",
  PUT: "update",
  PATCH: "patch",
  DELETE: "delete",
};

/** Stands before an API server and writes down what it is asked. Without the API server it answers nobody. */
export class RecordingProxy {
  readonly calls: ApiCall[] = [];
  readonly ca: string;
  readonly #authority = new TestAuthority();
  readonly #server: Server;
  readonly #targetPort: number;
  /** Connections are cut instead of being served. */
  isAway = false;
  /** Answers as an API server that cannot stream lists. */
  refusesWatchList = false;

  private constructor(targetPort: number) {
    this.#targetPort = targetPort;
    const { cert, key } = this.#authority.issue({ subjectAltNames: ["IP:127.0.0.1"] });
    this.ca = this.#authority.ca;
    this.#server = createServer({ cert, key }, (incoming, outgoing) => this.#pass(incoming, outgoing));
    this.#server.on("connection", (socket) => {
      if (this.isAway) socket.destroy();
    });
  }

  static async start(targetPort: number): Promise<RecordingProxy> {
    const proxy = new RecordingProxy(targetPort);
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get origin(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** As if the API server were gone, or back. */
  setAway(isAway: boolean): void {
    this.isAway = isAway;
    if (isAway) (this.#server as Server & { closeAllConnections(): void }).closeAllConnections();
  }

  close(): void {
    this.setAway(true);
    this.#server.close();
    this.#authority.remove();
  }

  #pass(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const call = apiCall(incoming);
    this.calls.push(call);
    if (this.refusesWatchList && incoming.url?.includes("sendInitialEvents") === true) {
      const refusal = {
        kind: "Status",
        code: 422,
        reason: "Invalid",
        message: "sendInitialEvents: Forbidden",
      };
      outgoing.writeHead(422, { "content-type": "application/json" }).end(JSON.stringify(refusal));
      return;
    }
    const onward = request(
      {
        host: "127.0.0.1",
        port: this.#targetPort,
        method: incoming.method,
        path: incoming.url,
        headers: incoming.headers,
        // The test has started it itself.
        rejectUnauthorized: false,
      },
      (answer) => {
        call.status = answer.statusCode ?? 0;
        outgoing.writeHead(call.status, answer.headers);
        answer.pipe(outgoing);
        answer.on("error", () => outgoing.destroy());
      },
    );
    onward.on("error", () => outgoing.destroy());
    outgoing.on("close", () => onward.destroy());
    incoming.pipe(onward);
  }
}

/** Source: Kubernetes, "Determine the request verb". */
function apiCall({ method = "GET", url = "/" }: IncomingMessage): ApiCall {
  const { pathname, searchParams } = new URL(url, "https://api");
  const [, root, ...rest] = pathname.split("/");
  const group = root === "api" ? "" : (rest.shift() ?? "");
  rest.shift();
  const namespace = rest[0] === "namespaces" && rest.length > 2 ? (rest.splice(0, 2)[1] ?? "") : "";
  const [plural = "", name = "", sub = ""] = rest;
  const full = `${plural}${group === "" ? "" : `.${group}`}${sub === "" ? "" : `/${sub}`}`;
  const verb =
    method !== "GET"
      ? VERBS[method]!
      : searchParams.get("watch") === "1"
        ? "watch"
        : name === ""
          ? "list"
          : "get";
  return { verb, resource: full, namespace, name, status: 0 };
}
