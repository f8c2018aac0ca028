import type { Exposition } from "./exposition.ts";
import { METRIC } from "./metric-catalog.ts";
import type { Series } from "./series.ts";

/** A certificate of our own. */
export interface OwnCertificate {
  readonly file: string;
  /** When it expires, in milliseconds since 1970. */
  readonly notAfterMs: number;
  /** Since when it is valid. */
  readonly notBeforeMs: number;
}

/** What is told of a certificate. */
interface CertificateSeries {
  readonly expiration: Series;
  readonly lifetime: Series;
}

/** The metrics about our own certificates. */
export class CertificateMetrics {
  readonly #exposition: Exposition;
  readonly #reloads: Readonly<Record<"success" | "failure", Series>>;
  readonly #counts = { success: 0, failure: 0 };
  readonly #byFile = new Map<string, CertificateSeries>();

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
    const expirations = this.#exposition.family(METRIC.tlsCertificateExpiration);
    const lifetimes = this.#exposition.family(METRIC.tlsCertificateLifetime);
    const files = new Set(certificates.map(({ file }) => file));
    for (const [file, { expiration, lifetime }] of this.#byFile) {
      if (files.has(file)) continue;
      expirations.delete(expiration);
      lifetimes.delete(lifetime);
      this.#byFile.delete(file);
    }
    for (const { file, notAfterMs, notBeforeMs } of certificates) {
      let series = this.#byFile.get(file);
      if (series === undefined) {
        series = { expiration: expirations.add({ file }), lifetime: lifetimes.add({ file }) };
        this.#byFile.set(file, series);
      }
      series.expiration.set(Float64Array.of(notAfterMs / 1000));
      series.lifetime.set(Float64Array.of((notAfterMs - notBeforeMs) / 1000));
    }
  }

  reloaded(succeeded: boolean): void {
    const result = succeeded ? "success" : "failure";
    this.#reloads[result].set(Float64Array.of(++this.#counts[result]));
  }
}
