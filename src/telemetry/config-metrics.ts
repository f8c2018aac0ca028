import type { Exposition } from "./exposition.ts";
import { METRIC } from "./metric-catalog.ts";
import type { Series } from "./series.ts";

/** The metrics about what is in force: configuration, snapshot, build. Times are milliseconds since 1970. */
export class ConfigMetrics {
  readonly #exposition: Exposition;
  readonly #successes: Series;
  readonly #failures: Series;
  readonly #lastSuccessful: Series;
  readonly #lastSuccess: Series;
  readonly #snapshotAge: Series;
  #successCount = 0;
  #failureCount = 0;
  #loadedAtMs: number | undefined;
  readonly #drainAge: Series;
  readonly #drainLimit: Series;
  #departedAtMs = 0;
  #version: { readonly text: string; readonly series: Series } | undefined;

  constructor(exposition: Exposition, buildVersion: string) {
    this.#exposition = exposition;
    this.#successes = exposition.family(METRIC.configReloads).add({ result: "success" });
    this.#failures = exposition.family(METRIC.configReloads).add({ result: "failure" });
    this.#lastSuccessful = exposition.family(METRIC.configLastReloadSuccessful).add({});
    this.#lastSuccess = exposition.family(METRIC.configLastSuccess).add({});
    this.#snapshotAge = exposition.family(METRIC.snapshotAge).add({});
    this.#drainAge = exposition.family(METRIC.drainAge).add({});
    this.#drainLimit = exposition.family(METRIC.drainLimit).add({});
    set(exposition.family(METRIC.buildInfo).add({ version: buildVersion }), 1);
  }

  /** @param version names what is in force from now on. */
  loaded(version: string, nowMs: number): void {
    this.#loadedAtMs = nowMs;
    set(this.#successes, ++this.#successCount);
    set(this.#lastSuccessful, 1);
    set(this.#lastSuccess, nowMs / 1000);
    if (this.#version?.text === version) return;
    const family = this.#exposition.family(METRIC.snapshotInfo);
    if (this.#version !== undefined) family.delete(this.#version.series);
    this.#version = { text: version, series: family.add({ version }) };
    set(this.#version.series, 1);
  }

  failed(): void {
    set(this.#failures, ++this.#failureCount);
    set(this.#lastSuccessful, 0);
  }

  /** @param limitMs what streams may take from now on. */
  departing(limitMs: number, nowMs: number): void {
    this.#departedAtMs = nowMs;
    set(this.#drainLimit, limitMs / 1000);
  }

  /** Before the first load the age is that of nothing: 0. */
  collect(nowMs: number): void {
    const ageMs = this.#loadedAtMs === undefined ? 0 : nowMs - this.#loadedAtMs;
    set(this.#snapshotAge, Math.max(0, ageMs) / 1000);
    if (this.#departedAtMs > 0) set(this.#drainAge, Math.max(0, nowMs - this.#departedAtMs) / 1000);
  }
}

const cell = new Float64Array(1);

function set(series: Series, value: number): void {
  cell[0] = value;
  series.set(cell);
}
