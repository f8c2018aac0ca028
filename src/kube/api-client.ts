import type { Dispatcher } from "undici";
import { request } from "undici";
import type { ApiConnection } from "./api-connection.ts";
import type { RawStatus } from "./api-error.ts";
import { ApiError } from "./api-error.ts";
import type { RawObject } from "./raw-object.ts";
import type { WatchEvent } from "./watch-event.ts";
import { WatchEvents } from "./watch-event.ts";

/** How long the API server may take to begin an answer, and to say the next word of one that is no watch. */
const ANSWER_MS = 30_000;
/** Of an answer that is no success so much is read. */
const MAX_ERROR_OCTETS = 65_536;

/** A page of a list. Source: Kubernetes API, meta/v1 ListMeta. */
export interface RawList {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items?: readonly RawObject[];
}

/** What goes with a request for reading. */
export interface ReadOptions {
  /** Whether the server is to send metadata only. */
  readonly metadataOnly: boolean;
  readonly signal: AbortSignal;
}

/** How a body is to change an object; the names are those of the media types. */
export type BodyKind = "json" | "json-patch+json" | "merge-patch+json" | "apply-patch+yaml";

/** What the API server is asked, in its own words. Every method throws ApiError for what it refuses, and errors of the network. */
export class ApiClient {
  readonly #connection: ApiConnection;

  constructor(connection: ApiConnection) {
    this.#connection = connection;
  }

  /** @returns one page of a list. */
  async list(path: string, query: Readonly<Record<string, string>>, options: ReadOptions): Promise<RawList> {
    const accept = options.metadataOnly ? accepts("PartialObjectMetadataList") : accepts();
    const response = await this.#request("GET", path, { query, headers: { accept }, signal: options.signal });
    return (await response.body.json()) as RawList;
  }

  /** @returns one object. */
  async get(path: string, options: { readonly signal?: AbortSignal } = {}): Promise<RawObject> {
    const headers = { accept: accepts() };
    const response = await this.#request("GET", path, { query: {}, headers, signal: options.signal });
    return (await response.body.json()) as RawObject;
  }

  /**
   * Follows changes until the server ends the watch.
   *
   * @param options `idleMs`: silence after which the connection counts as dead. `onOpen`: the server has agreed.
   * @returns events as they come, those of one chunk together.
   */
  async *watch(
    path: string,
    query: Readonly<Record<string, string>>,
    options: ReadOptions & { readonly idleMs: number; readonly onOpen?: () => void },
  ): AsyncGenerator<WatchEvent[], void, void> {
    const accept = options.metadataOnly ? accepts("PartialObjectMetadata") : accepts();
    const { signal, idleMs, onOpen } = options;
    const response = await this.#request("GET", path, { query, headers: { accept }, signal, idleMs });
    onOpen?.();
    const events = new WatchEvents();
    for await (const chunk of response.body) {
      const complete = events.push(chunk as Buffer);
      if (complete.length > 0) yield complete;
    }
  }

  /** Creates or changes something. @returns the object as the server has it now. */
  async write(
    method: "POST" | "PUT" | "PATCH",
    path: string,
    body: unknown,
    options: {
      readonly kind?: BodyKind;
      readonly query?: Readonly<Record<string, string>>;
      readonly signal?: AbortSignal;
    } = {},
  ): Promise<RawObject> {
    const { kind = "json", query = {}, signal } = options;
    const headers = { accept: accepts(), "content-type": `application/${kind}` };
    const text = JSON.stringify(body);
    const response = await this.#request(method, path, { query, headers, body: text, signal });
    return (await response.body.json()) as RawObject;
  }

  async #request(
    method: Dispatcher.HttpMethod,
    path: string,
    options: {
      readonly query: Readonly<Record<string, string>>;
      readonly headers: Readonly<Record<string, string>>;
      readonly body?: string;
      readonly signal?: AbortSignal | undefined;
      readonly idleMs?: number;
    },
  ): Promise<Dispatcher.ResponseData> {
    const { origin, dispatcher, headers } = await this.#connection.prepare();
    const url = new URL(origin + path);
    for (const [name, value] of Object.entries(options.query)) url.searchParams.set(name, value);
    const response = await request(url, {
      dispatcher,
      method,
      headers: { ...headers, ...options.headers },
      headersTimeout: ANSWER_MS,
      bodyTimeout: options.idleMs ?? ANSWER_MS,
      ...(options.body === undefined ? {} : { body: options.body }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    if (response.statusCode < 300) return response;
    const retryAfterMs = Number(response.headers["retry-after"] ?? 0) * 1_000 || 0;
    const status = await statusOf(response);
    throw new ApiError(`${method} ${path}`, { code: response.statusCode, ...status }, retryAfterMs);
  }
}

/** The server's reason, where it gives one in its own form; proxies before it answer anything. */
async function statusOf({ body }: Dispatcher.ResponseData): Promise<RawStatus> {
  let text = "";
  for await (const chunk of body) {
    text += String(chunk);
    if (text.length > MAX_ERROR_OCTETS) break;
  }
  try {
    return JSON.parse(text) as RawStatus;
  } catch {
    return { message: text.slice(0, 200) };
  }
}

function accepts(as?: "PartialObjectMetadata" | "PartialObjectMetadataList"): string {
  return as === undefined ? "application/json" : `application/json;as=${as};g=meta.k8s.io;v=v1`;
}
