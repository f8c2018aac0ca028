import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ApiClient } from "../../../src/kube/api-client.ts";
import { ApiConnection } from "../../../src/kube/api-connection.ts";
import type { RawObject } from "../../../src/kube/raw-object.ts";

/** What a request asked for. */
export interface Asked {
  readonly path: string;
  readonly query: URLSearchParams;
  readonly accept: string;
}

/** Does something else than the server would. @returns whether it did. */
export type Fault = (asked: Asked, response: ServerResponse) => boolean;

/**
 * As much of an API server as it takes to show failures that a real one cannot be brought to at will: it lists (in pages or streamed), and
 * watches, one kind under any path. Everything else is tried with a real one.
 */
export class ScriptedApiServer {
  /** All requests, oldest first. */
  readonly asked: Asked[] = [];
  /** Asked before each answer. */
  fault: Fault = () => false;
  readonly #objects = new Map<string, RawObject>();
  readonly #watches = new Set<ServerResponse>();
  readonly #server: Server;
  readonly #folder = mkdtempSync(join(tmpdir(), "isobar-scripted-"));
  #version = 100;
  #connection: ApiConnection | undefined;

  private constructor() {
    this.#server = createServer((request, response) => this.#answer(request, response));
  }

  static async start(): Promise<ScriptedApiServer> {
    const server = new ScriptedApiServer();
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    return server;
  }

  get watches(): number {
    return this.#watches.size;
  }

  get kubeConfig(): string {
    const { port } = this.#server.address() as AddressInfo;
    const file = join(this.#folder, "kubeconfig");
    const cluster = { server: `http://127.0.0.1:${port}`, "insecure-skip-tls-verify": true };
    const config = {
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name: "c", cluster }],
      users: [{ name: "u", user: { token: "secret" } }],
      contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
      "current-context": "x",
    };
    writeFileSync(file, JSON.stringify(config));
    return file;
  }

  get api(): ApiClient {
    this.#connection ??= new ApiConnection({ file: this.kubeConfig });
    return new ApiClient(this.#connection);
  }

  /** Writes an object; watches hear of it. */
  write(name: string, more: object = {}): void {
    const type = this.#objects.has(name) ? "MODIFIED" : "ADDED";
    this.#tell(type, this.#store(name, more));
  }

  /** Writes an object that no watch hears of. */
  writeUnheard(name: string): void {
    this.#store(name, {});
  }

  /** Takes an object away. @param isHeard whether watches hear of it. */
  delete(name: string, isHeard = true): void {
    const object = this.#objects.get(name)!;
    this.#objects.delete(name);
    this.#version++;
    const metadata = { ...object.metadata, resourceVersion: String(this.#version) };
    if (isHeard) this.#tell("DELETED", { ...object, metadata });
  }

  /** Sends all watches a line. */
  say(line: object): void {
    for (const watch of this.#watches) watch.write(`${JSON.stringify(line)}\n`);
  }

  /** Ends all watches, cleanly or not. */
  end(isClean: boolean): void {
    for (const watch of this.#watches) {
      if (isClean) watch.end();
      else watch.destroy();
    }
    this.#watches.clear();
  }

  async close(): Promise<void> {
    this.end(false);
    await this.#connection?.close();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    rmSync(this.#folder, { recursive: true });
  }

  #store(name: string, more: object): RawObject {
    this.#version++;
    const metadata = { name, namespace: "shop", uid: `uid-${name}`, resourceVersion: String(this.#version) };
    const object = { metadata, ...more };
    this.#objects.set(name, object);
    return object;
  }

  #tell(type: string, object: RawObject): void {
    this.say({ type, object });
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { pathname: path, searchParams: query } = new URL(request.url ?? "/", "http://localhost");
    const asked = { path, query, accept: request.headers.accept ?? "" };
    if (request.headers.authorization !== "Bearer secret") {
      refuse(response, 401, "Unauthorized", "no token");
      return;
    }
    this.asked.push(asked);
    if (this.fault(asked, response)) return;
    if (query.get("watch") === "1") this.#watch(asked, response);
    else this.#list(asked, response);
  }

  #list({ query }: Asked, response: ServerResponse): void {
    const all = [...this.#objects.values()];
    const from = Number(query.get("continue") ?? 0);
    const to = from + Number(query.get("limit") ?? all.length);
    const metadata = {
      resourceVersion: String(this.#version),
      ...(to < all.length ? { continue: String(to) } : {}),
    };
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ kind: "List", metadata, items: all.slice(from, to) }));
  }

  #watch({ query }: Asked, response: ServerResponse): void {
    response.writeHead(200, { "content-type": "application/json" });
    response.flushHeaders();
    this.#watches.add(response);
    response.on("close", () => this.#watches.delete(response));
    if (query.get("sendInitialEvents") !== "true") return;
    for (const object of this.#objects.values())
      response.write(`${JSON.stringify({ type: "ADDED", object })}\n`);
    const annotations = { "k8s.io/initial-events-end": "true" };
    const metadata = { resourceVersion: String(this.#version), annotations };
    response.write(`${JSON.stringify({ type: "BOOKMARK", object: { metadata } })}\n`);
  }
}

/** Answers as the API server does when it refuses. */
export function refuse(
  response: ServerResponse,
  code: number,
  reason: string,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): true {
  response.writeHead(code, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify({ kind: "Status", code, reason, message }));
  return true;
}
