import type { AuditTrail } from "../../audit/audit-trail.ts";
import type { ServicePart } from "../../audit/service-state.ts";
import type { TypeUrl } from "../../xds/resources/type-url.ts";
import { TYPE_URL } from "../../xds/resources/type-url.ts";
import type { Refusal } from "../../xds/server/admission.ts";
import type { AdsStream, StreamEvents } from "../../xds/server/ads-stream.ts";
import type { Unanswered } from "../../xds/server/unanswered-list.ts";

/** What is audited. Loads and the like, which pass within seconds, are not. */
const PARTS: ReadonlyMap<TypeUrl, ServicePart> = new Map([
  [TYPE_URL.listener, "listener"],
  [TYPE_URL.routeConfiguration, "routes"],
  [TYPE_URL.cluster, "cluster"],
  [TYPE_URL.loadAssignment, "endpoints"],
]);

/** Lets the audit know what clients are told and say, beside whoever else listens. */
export class AuditedEvents implements StreamEvents {
  readonly #trail: AuditTrail;
  readonly #next: StreamEvents;
  /** Streams that the audit knows. */
  readonly #open = new Set<number>();

  constructor(trail: AuditTrail, next: StreamEvents) {
    this.#trail = trail;
    this.#next = next;
  }

  pushed(stream: AdsStream, type: TypeUrl, response: Unanswered, octets: number): void {
    this.#next.pushed(stream, type, response, octets);
    const part = PARTS.get(type);
    if (part === undefined) return;
    this.#trail.note({ kind: "pushed", stream: this.#idOf(stream), part, response, atMs: Date.now() });
  }

  answered(stream: AdsStream, type: TypeUrl, response: Unanswered, message: string | undefined): void {
    this.#next.answered(stream, type, response, message);
    if (!PARTS.has(type)) return;
    this.#trail.note({ kind: "answered", stream: this.#idOf(stream), response, message, atMs: Date.now() });
  }

  unknownType(stream: AdsStream, type: string): void {
    this.#next.unknownType(stream, type);
  }

  denied(stream: AdsStream, service: string): void {
    this.#next.denied?.(stream, service);
  }

  refused(stream: AdsStream, refusal: Refusal): void {
    this.#next.refused?.(stream, refusal);
  }

  began(stream: AdsStream, type: TypeUrl, brought: ReadonlyMap<string, string> | undefined): void {
    this.#next.began?.(stream, type, brought);
    const part = PARTS.get(type);
    if (part === undefined) return;
    this.#trail.note({ kind: "began", stream: this.#idOf(stream), part, brought, atMs: Date.now() });
  }

  current(stream: AdsStream, type: TypeUrl, name: string): void {
    this.#next.current?.(stream, type, name);
    const part = PARTS.get(type);
    if (part === undefined) return;
    this.#trail.note({ kind: "current", stream: this.#idOf(stream), part, name, atMs: Date.now() });
  }

  dropped(stream: AdsStream, type: TypeUrl, name: string): void {
    this.#next.dropped?.(stream, type, name);
    const part = PARTS.get(type);
    if (part === undefined) return;
    this.#trail.note({ kind: "dropped", stream: this.#idOf(stream), part, name, atMs: Date.now() });
  }

  closed(stream: AdsStream): void {
    this.#next.closed?.(stream);
    if (!this.#open.delete(stream.id)) return;
    this.#trail.note({ kind: "closed", stream: stream.id, atMs: Date.now() });
  }

  /** A stream that is heard of for the first time is opened in the audit. */
  #idOf(stream: AdsStream): number {
    const { id } = stream;
    if (this.#open.has(id)) return id;
    this.#open.add(id);
    const {
      nodeId: node,
      kind: client,
      transport,
      peer,
      userAgent: agent,
      region,
      zone,
    } = stream.status(false);
    this.#trail.note({
      kind: "opened",
      stream: { id, node, client, transport, peer, agent, region, zone },
      atMs: Date.now(),
    });
    return id;
  }
}
