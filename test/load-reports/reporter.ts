import { join } from "node:path";
import { Child } from "../clients/harness/child.ts";
import { goProgram } from "../clients/harness/go-program.ts";
import type { Language } from "../clients/harness/language.ts";

const READY_LIMIT_MS = 30_000;
/** The program that reports its load with grpc-go's own helpers. */
export const REPORTER: Language = goProgram(
  "grpc-go orca",
  join(import.meta.dirname, "go"),
  "load-reports",
  "reporter",
);

/** What a {@link Reporter} says. */
export interface ReporterOptions {
  /** Told to clients in the header `served-by`. */
  readonly id: string;
  readonly utilization: number;
  readonly qps: number;
  /** Out of band, not with each answer. */
  readonly outOfBand?: boolean;
}

/** A running grpc-go server with health checks for calls. */
export class Reporter {
  readonly address: string;
  readonly #child: Child;

  private constructor(child: Child, address: string) {
    this.#child = child;
    this.address = address;
  }

  static async start({ id, utilization, qps, outOfBand = false }: ReporterOptions): Promise<Reporter> {
    const child = new Child(REPORTER.program, [
      `--id=${id}`,
      `--utilization=${utilization}`,
      `--qps=${qps}`,
      `--out-of-band=${outOfBand}`,
    ]);
    const [, address] = await child.waitForOutput(/^ready (\S+)$/m, READY_LIMIT_MS);
    return new Reporter(child, address!);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.stop();
  }
}
