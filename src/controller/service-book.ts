import type { ChangeCause, ServiceModel } from "../resource/service.ts";
import type { ServiceSink } from "../resource/service-source.ts";
import { reuseUnchanged } from "./reuse-unchanged.ts";

/** What the sink has been given, by the Service it came of: only what has changed is given again, and what is gone is taken back. */
export class ServiceBook {
  readonly #sink: ServiceSink;
  readonly #given = new Map<string, Map<string, ServiceModel>>();
  #services = 0;
  #endpoints = 0;

  constructor(sink: ServiceSink) {
    this.#sink = sink;
  }

  /** Services given, one for each port. */
  get services(): number {
    return this.#services;
  }

  /** Endpoints of them all. */
  get endpoints(): number {
    return this.#endpoints;
  }

  /**
   * Makes the sink have these, and no others of the Service.
   *
   * @param key `namespace/name`.
   * @param cause why those that are missing went; undefined: not known.
   * @param isExplained whether it is known why endpoints went that are missing: then it is meant.
   */
  set(key: string, models: readonly ServiceModel[], cause?: ChangeCause, isExplained = false): void {
    const before = this.#given.get(key);
    const now = new Map<string, ServiceModel>();
    for (const model of models) {
      const previous = before?.get(model.name);
      const isLess =
        previous !== undefined && model.cluster.endpoints.length < previous.cluster.endpoints.length;
      const changed = reuseUnchanged(
        previous,
        isLess && isExplained ? { ...model, deliberate: true } : model,
      );
      now.set(model.name, changed ?? previous!);
      if (changed === undefined) continue;
      this.#count(previous, changed);
      this.#sink.upsert(changed);
    }
    for (const [name, model] of before ?? []) {
      if (now.has(name)) continue;
      this.#count(model, undefined);
      this.#sink.remove(name, cause);
    }
    if (now.size === 0) this.#given.delete(key);
    else this.#given.set(key, now);
  }

  #count(previous: ServiceModel | undefined, current: ServiceModel | undefined): void {
    this.#services += (current === undefined ? 0 : 1) - (previous === undefined ? 0 : 1);
    this.#endpoints += (current?.cluster.endpoints.length ?? 0) - (previous?.cluster.endpoints.length ?? 0);
  }
}
