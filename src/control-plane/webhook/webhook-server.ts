import type { IncomingMessage, ServerResponse } from "node:http";
import type { Server } from "node:https";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { ServerIdentity } from "../../xds/server/server-identity.ts";
import { readAdmissionReview, writeAdmissionReview } from "./admission-review.ts";
import type { PodWebhook } from "./pod-webhook.ts";

/** Where the API server asks; the MutatingWebhookConfiguration has it. */
export const WEBHOOK_PATH = "/mutate-pods";

/** An object of the API server has 3 MiB at most, and a review little more. */
const MAX_OCTETS = 4_194_304;
/** Questions that are read at once; the API server goes on without an answer. */
const MOST_AT_ONCE = 64;
const MOST_CONNECTIONS = 256;
const TIMES = { requestTimeout: 10_000, headersTimeout: 5_000, keepAliveTimeout: 60_000 };

/** The HTTPS server that the API server asks about Pods. */
export class WebhookServer {
  readonly #webhook: PodWebhook;
  #server: Server | undefined;
  #underWay = 0;

  constructor(webhook: PodWebhook) {
    this.#webhook = webhook;
  }

  /** @returns the port as bound. @throws when the address cannot be bound. */
  listen(host: string, port: number, { cert, key }: ServerIdentity): Promise<number> {
    const server = createServer({ cert, key, minVersion: "TLSv1.2", ...TIMES }, (request, response) => {
      this.#serve(request, response).catch(() => response.destroy());
    });
    server.maxConnections = MOST_CONNECTIONS;
    this.#server = server;
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host, port }, () => {
        server.off("error", reject);
        // Connections that could not be accepted are no reason to end: there will be others.
        server.on("error", () => {});
        resolve((server.address() as AddressInfo).port);
      });
    });
  }

  /** From now on connections are made with this; those that stand go on. */
  use({ cert, key }: ServerIdentity): void {
    this.#server?.setSecureContext({ cert, key, minVersion: "TLSv1.2" });
  }

  async close(): Promise<void> {
    const server = this.#server;
    if (server?.listening !== true) return;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path] = (request.url ?? "").split("?", 1);
    if (path !== WEBHOOK_PATH) return refuse(response, 404, `wanted ${WEBHOOK_PATH}`);
    if (request.method !== "POST") return refuse(response, 405, "wanted POST");
    if (this.#underWay >= MOST_AT_ONCE) return refuse(response, 503, "too many questions at once");
    this.#underWay++;
    try {
      const text = await textOf(request);
      if (text === undefined) return refuse(response, 413, `wanted ${MAX_OCTETS} octets at most`);
      const review = readAdmissionReview(text);
      if ("problem" in review) {
        this.#webhook.counts.failed++;
        return refuse(response, 400, review.problem as string);
      }
      const verdict = this.#webhook.answer(review);
      if (verdict === undefined) return refuse(response, 503, "Namespaces are not known yet");
      response.writeHead(200, { "content-type": "application/json" });
      response.end(writeAdmissionReview(review.uid, verdict));
    } finally {
      this.#underWay--;
    }
  }
}

/** @returns undefined if it is too long. */
async function textOf(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let octets = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    octets += chunk.length;
    if (octets > MAX_OCTETS) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function refuse(response: ServerResponse, code: number, message: string): void {
  // What has not been read yet is not waited for.
  response.writeHead(code, { "content-type": "text/plain", connection: "close" });
  response.end(`${message}\n`);
}
