import { request } from "undici";
import { systemErrorText } from "../../config/system-error-text.ts";
import { ExitCode, ExitError } from "../../daemon/exit-code.ts";

/** One series of an instant query. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const ANSWER_MS = 60_000;
const MAX_OCTETS = 256 * 1_048_576;

interface Body<T> {
  readonly status?: string;
  readonly error?: string;
  readonly data?: T;
}

/** The HTTP API of Prometheus, or of what speaks it (Thanos, Mimir, VictoriaMetrics). Source: Prometheus, "HTTP API". */
export class PrometheusClient {
  readonly #base: string;
  readonly #headers: Readonly<Record<string, string>>;

  /** @param headers as `name: value`. */
  constructor(url: string, headers: readonly string[]) {
    this.#base = url.replace(/\/+$/, "");
    this.#headers = Object.fromEntries(
      headers.map((header) => {
        const colon = header.indexOf(":");
        return [header.slice(0, colon).toLowerCase(), header.slice(colon + 1).trim()];
      }),
    );
  }

  /** @returns what an expression comes to now; values that are no numbers are left out. @throws ExitError */
  async query(expression: string): Promise<readonly Sample[]> {
    const { result } = await this.#ask<{
      readonly result: readonly {
        readonly metric: Readonly<Record<string, string>>;
        readonly value: readonly [number, string];
      }[];
    }>("/api/v1/query", { query: expression });
    return result
      .map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }))
      .filter(({ value }) => Number.isFinite(value));
  }

  /** @returns names of the labels of a metric's series; none: there is no such metric. @throws ExitError */
  labels(metric: string): Promise<readonly string[]> {
    return this.#ask<readonly string[]>("/api/v1/labels", { "match[]": metric });
  }

  async #ask<T>(path: string, form: Readonly<Record<string, string>>): Promise<T> {
    try {
      const { statusCode, body } = await request(this.#base + path, {
        method: "POST",
        headers: { ...this.#headers, "content-type": "application/x-www-form-urlencoded" },
        body: new URLSearchParams(form).toString(),
        headersTimeout: ANSWER_MS,
        bodyTimeout: ANSWER_MS,
      });
      const pieces: Buffer[] = [];
      let octets = 0;
      for await (const piece of body) {
        octets += (piece as Buffer).length;
        if (octets > MAX_OCTETS) throw new Error(`more than ${MAX_OCTETS} octets`);
        pieces.push(piece as Buffer);
      }
      const text = Buffer.concat(pieces).toString("utf8");
      const answer = parse<T>(text);
      if (statusCode === 200 && answer?.status === "success" && answer.data !== undefined) return answer.data;
      const said = answer?.error ?? text.slice(0, 200).trim();
      throw new ExitError(ExitCode.unavailable, `${this.#base} answers ${statusCode}: ${said}`);
    } catch (error) {
      if (error instanceof ExitError) throw error;
      throw new ExitError(
        ExitCode.unavailable,
        `no Prometheus answers at ${this.#base}: ${systemErrorText(error)}`,
        { cause: error },
      );
    }
  }
}

function parse<T>(text: string): Body<T> | undefined {
  try {
    return JSON.parse(text) as Body<T>;
  } catch {
    return undefined;
  }
}
