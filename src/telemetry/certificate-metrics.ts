import type { Exposition } from "./exposition.ts";
import { METRIC } from "./metric-catalog.ts";
import type { Series } from "./series.ts";

/** A certificate of our own. */
export interface OwnCertificate {
  readonly file: string;
  /** When it expires, in milliseconds since 1970. */
  readonly notAfterMs: number;
}

/** The metrics about our own certificates. */
export class CertificateMetrics {
  readonly #exposition: Exposition;
  readonly #reloads: Readonly<Record<"success" | "failure", Series>>;
  readonly #counts = { success: 0, failure: 0 };
  readonly #expirations = new Map<string, Series>();

  constructor(exposition: Exposition) {
    this.#exposition = exposition;
    const family = exposition.family(METRIC.tlsCertificateReloads);
    this.#reloads = {
      success: family.add({ result: "success" }),
      failure: family.add({ result: "failure" }),
    };
  }

  /** These are in use, and no others. */
  set(certificates: readonly OwnCertificate[]): void {
    const family = this.#exposition.family(METRIC.tlsCertificateExpiration);
    const files = new Set(certificates.map(({ file }) => file));
    for (const [file, series] of this.#expirations) {
      if (files.has(file)) continue;
      family.delete(series);
      this.#expirations.delete(file);
    }
    for (const { file, notAfterMs } of certificates) {
      let series = this.#expirations.get(file);
      if (series === undefined) {
        series = family.add({ file });
        this.#expirations.set(file, series);
      }
      series.set(Float64Array.of(notAfterMs / 1000));
    }
  }

  reloaded(succeeded: boolean): void {
    const result = succeeded ? "success" : "failure";
    this.#reloads[result].set(Float64Array.of(++this.#counts[result]));
  }
}
