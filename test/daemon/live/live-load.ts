import assert from "node:assert/strict";
import type { OutgoingHttpHeaders } from "node:http2";
import { RawClient } from "../../proxy/fixture/raw-client.ts";
import { until } from "../../proxy/fixture/until.ts";

const MESSAGE = Buffer.from([0, 0, 0, 0, 1, 42]);

/** Calls that never stop, while a test changes things: each has to end well. */
export class LiveLoad {
  /** Calls that have ended. */
  done = 0;
  readonly #clients: readonly RawClient[];
  readonly #all: Promise<unknown>;
  #running = true;

  /** @param headers of each call. */
  constructor(port: number, headers: OutgoingHttpHeaders = {}, connections = 4, streams = 3) {
    this.#clients = Array.from({ length: connections }, () => new RawClient(port));
    this.#all = Promise.all(
      this.#clients.flatMap((client) =>
        Array.from({ length: streams }, async () => {
          while (this.#running) {
            const { status, message } = await client.call(MESSAGE, headers);
            assert.equal(status, 0, message);
            this.done++;
          }
        }),
      ),
    );
    // Whoever waits next is told.
    this.#all.catch(() => {});
  }

  /** Waits for so many calls more, all of which began after this. @throws when a call has failed. */
  async more(calls: number): Promise<void> {
    // What was under way is over, twice to be sure.
    const from = this.done + 2 * 12;
    await Promise.race([
      this.#all,
      until("more calls", () => this.done >= from + calls, { limitMs: 30_000 }),
    ]);
  }

  /** Ends it. @throws when a call has failed. */
  async stop(): Promise<void> {
    this.#running = false;
    await this.#all;
    for (const client of this.#clients) client.close();
  }
}
