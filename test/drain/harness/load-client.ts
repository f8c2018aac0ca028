import { join } from "node:path";
import { Child } from "../../clients/harness/child.ts";
import type { Program } from "../../clients/harness/language.ts";

const FINISH_LIMIT_MS = 60_000;

/** grpc-js, which needs no building. */
export const JS_LOAD: Program = {
  command: process.execPath,
  args: [join(import.meta.dirname, "js-load.ts")],
};

/** The Echo service on grpc-js and node:http2. */
export const JS_SERVER: Program = {
  command: process.execPath,
  args: [join(import.meta.dirname, "js-server.ts")],
};

/** What a client tells when it has finished. */
export interface LoadReport {
  readonly unary: number;
  readonly streams: number;
  readonly failed: readonly { readonly id: string; readonly status: number; readonly message: string }[];
}

/**
 * A client of its language that calls without a pause on one channel: four unary calls at a time, a server stream of
 * 0.2 s and one of 3 s. No retry policy: what it repeats is what every gRPC client repeats of itself,
 * calls that certainly left no trace.
 */
export class LoadClient {
  readonly name: string;
  readonly #child: Child;

  /** @param waitForReady calls wait while there is no connection, instead of failing. */
  constructor(program: Program, name: string, target: string, authority: string, waitForReady = false) {
    this.name = name;
    this.#child = new Child(program, [
      "load",
      "--target",
      target,
      "--authority",
      authority,
      "--name",
      name,
      "--wait-for-ready",
      waitForReady ? "yes" : "no",
    ]);
  }

  /** Lets it finish what it has begun. */
  async finish(): Promise<LoadReport> {
    this.#child.endInput();
    const { code, stdout, stderr } = await this.#child.waitForEnd(FINISH_LIMIT_MS);
    const line = stdout.split("\n").find((each) => each.startsWith("{"));
    if (line === undefined) throw new Error(`${this.name} ended with code ${code}: ${stderr}`);
    return JSON.parse(line) as LoadReport;
  }

  async stop(): Promise<void> {
    await this.#child.stop();
  }
}
