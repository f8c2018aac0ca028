import { request } from "node:http";
import type { SocketAddress } from "../../config/socket-address.ts";
import { systemErrorText } from "../../config/system-error-text.ts";
import { ExitCode, ExitError } from "../../daemon/exit-code.ts";

const ANSWER_LIMIT_MS = 10_000;
/** More than the largest rings of the most workers hold. */
const MAX_ANSWER_OCTETS = 1024 * 1_048_576;

/** Asks a running proxy's admin server. */
export class AdminClient {
  readonly #address: SocketAddress;
  readonly #text: string;

  /** @param text the address as people gave it. */
  constructor(address: SocketAddress, text: string) {
    this.#address = address;
    this.#text = text;
  }

  /**
   * @param path with its query.
   * @throws ExitError when nobody answers there, or the answer is not 200.
   */
  async get(path: string): Promise<Buffer> {
    const { status, body } = await this.#get(path).catch((error: unknown) => {
      throw new ExitError(
        ExitCode.unavailable,
        `no proxy answers at ${this.#text}: ${systemErrorText(error)}; name its admin.address with --admin`,
        { cause: error },
      );
    });
    if (status === 200) return body;
    throw new ExitError(
      status === 404 || status === 400 ? ExitCode.usage : ExitCode.unavailable,
      `${this.#text} answers ${status}: ${body.toString("utf8").trim()}`,
    );
  }

  #get(path: string): Promise<{ readonly status: number; readonly body: Buffer }> {
    const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: Buffer }>();
    const address = this.#address;
    const to =
      address.kind === "unix" ? { socketPath: address.path } : { host: address.host, port: address.port };
    const asked = request(
      { ...to, path, agent: false, headers: { host: "localhost" }, timeout: ANSWER_LIMIT_MS },
      (response) => {
        const pieces: Buffer[] = [];
        let octets = 0;
        response.on("data", (piece: Buffer) => {
          pieces.push(piece);
          octets += piece.length;
          if (octets > MAX_ANSWER_OCTETS) response.destroy(new Error("the answer is too long"));
        });
        response.on("error", reject);
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(pieces) }));
      },
    );
    asked.on("timeout", () => asked.destroy(new Error(`no answer within ${ANSWER_LIMIT_MS / 1000} s`)));
    asked.on("error", reject);
    asked.end();
    return promise;
  }
}
