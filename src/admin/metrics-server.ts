import type { SocketAddress } from "../config/socket-address.ts";
import { HttpServer, sendText } from "./http-server.ts";

/** Where the text of a scrape comes from. */
export interface MetricsSource {
  readonly contentType: string;
  /** @returns the text in parts, each ending with a newline. */
  render(): Promise<readonly string[]>;
}

/**
 * The metrics server: `GET /metrics`, and nothing else, so that its port can be open to a scraper on another machine.
 * Scrapes that come while one is being rendered share its result.
 */
export class MetricsServer {
  readonly #server: HttpServer;
  readonly #source: MetricsSource;
  #rendering: Promise<string> | undefined;

  constructor(source: MetricsSource) {
    this.#source = source;
    this.#server = new HttpServer(async (request, response) => {
      const path = (request.url ?? "").split("?", 1)[0];
      if (path !== "/metrics") return sendText(response, 404, "only /metrics is served here\n");
      if (request.method !== "GET" && request.method !== "HEAD") {
        return sendText(response, 405, "/metrics answers GET, HEAD only\n", { allow: "GET, HEAD" });
      }
      sendText(response, 200, await this.#render(), { "content-type": source.contentType });
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

  #render(): Promise<string> {
    this.#rendering ??= this.#source
      .render()
      .then((parts) => parts.join(""))
      .finally(() => {
        this.#rendering = undefined;
      });
    return this.#rendering;
  }
}
