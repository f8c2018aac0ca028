import type { SocketAddress } from "../config/socket-address.ts";
import { systemErrorText } from "../config/system-error-text.ts";
import type { Log } from "../telemetry/log.ts";

const LOOK_MS = 250;

/** A server that can be asked to listen again after it could not. */
export interface OpenableServer {
  listen(address: SocketAddress): Promise<number>;
  close(): Promise<void>;
}

/**
 * The metrics' address where generations of a node's proxy stand beside each other: Prometheus asks one port of the node, which the older has
 * until traffic is led to the newer. What its last streams do afterwards is in its ledger, and not scraped.
 */
export class MetricsPort {
  readonly #server: OpenableServer;
  readonly #address: SocketAddress;
  readonly #log: Log;
  #timer: NodeJS.Timeout | undefined;
  #isGivenUp = false;

  constructor(server: OpenableServer, address: SocketAddress, log: Log) {
    this.#server = server;
    this.#address = address;
    this.#log = log;
  }

  /**
   * Listens, or else as soon as whoever has the port gives it up.
   *
   * @throws the system's error when it cannot be had for another reason.
   */
  async open(): Promise<void> {
    if (await this.#try()) return;
    this.#log.info("another process has the port of metrics.address; waiting for it to leave", {
      address: this.#address.kind === "ip" ? `${this.#address.host}:${this.#address.port}` : "",
    });
    this.#wait();
  }

  /** For the next generation, or at the end. */
  async close(): Promise<void> {
    if (this.#isGivenUp) return;
    this.#isGivenUp = true;
    clearTimeout(this.#timer);
    await this.#server.close().catch(() => {
      // It did not listen yet.
    });
  }

  #wait(): void {
    this.#timer = setTimeout(() => {
      this.#try()
        .then((has) => {
          // Given up while it was being tried.
          if (this.#isGivenUp) return has ? this.#server.close() : undefined;
          if (!has) this.#wait();
          return undefined;
        })
        .catch((error: unknown) =>
          this.#log.error("metrics are not served", { problem: systemErrorText(error) }),
        );
    }, LOOK_MS).unref();
  }

  /** @returns whether it listens now. */
  async #try(): Promise<boolean> {
    try {
      await this.#server.listen(this.#address);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
      return false;
    }
  }
}
