import type { AuditTrail } from "../../audit/audit-trail.ts";
import type { ChangeCause, ServiceModel } from "../../resource/service.ts";
import type { ServiceSink } from "../../resource/service-source.ts";

/** Lets the audit know of services before anybody is told of them. */
export class AuditedSink implements ServiceSink {
  readonly #trail: AuditTrail;
  readonly #next: ServiceSink;

  constructor(trail: AuditTrail, next: ServiceSink) {
    this.#trail = trail;
    this.#next = next;
  }

  upsert(model: ServiceModel): void {
    this.#trail.note({ kind: "service", model, atMs: Date.now() });
    this.#next.upsert(model);
  }

  remove(name: string, cause?: ChangeCause): void {
    this.#trail.note({ kind: "gone", name, cause, atMs: Date.now() });
    this.#next.remove(name, cause);
  }

  synced(): void {
    this.#trail.synced();
    this.#next.synced();
  }
}
