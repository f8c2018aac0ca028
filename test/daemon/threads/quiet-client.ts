import { once } from "node:events";
import type { Socket } from "node:net";
import { connect } from "node:net";

/** The client's preface with empty SETTINGS (RFC 9113 §3.4), which is sent at once: a client that knows what it speaks. */
const PREFACE = Buffer.concat([
  Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
]);
const SETTINGS = 4;

/** An HTTP/2 connection that is open and asks for nothing. */
export class QuietClient {
  readonly #socket: Socket;
  /** Settles when the proxy's SETTINGS are here; rejects when the connection ends before. */
  readonly answered: Promise<void>;

  /** @param where a port on 127.0.0.1, or a path. */
  constructor(where: number | string) {
    this.#socket = typeof where === "number" ? connect(where, "127.0.0.1") : connect(where);
    this.#socket.write(PREFACE);
    this.answered = new Promise((resolve, reject) => {
      this.#socket.once("data", (octets: Buffer) =>
        octets[3] === SETTINGS ? resolve() : reject(new Error(`not SETTINGS: ${octets.toString("hex")}`)),
      );
      this.#socket.once("close", () => reject(new Error("closed before SETTINGS")));
    });
    this.answered.catch(() => undefined);
    this.#socket.on("error", () => undefined);
  }

  /** Settles when the connection has ended. */
  get ended(): Promise<unknown> {
    return this.#socket.destroyed ? Promise.resolve() : once(this.#socket, "close");
  }

  close(): void {
    this.#socket.destroy();
  }
}
