import type { ChangeCause, ServiceModel } from "../resource/service.ts";
import type { AuditEvent, AuditedResponse } from "./audit-event.ts";
import type { AuditRecord, PolicyRecord } from "./audit-record.ts";
import type { AuditedStream } from "./audited-stream.ts";
import type { HeldVersion } from "./client-beliefs.ts";
import { ClientBeliefs } from "./client-beliefs.ts";
import { CollectedRecords } from "./collected-records.ts";
import type { ServicePart } from "./service-state.ts";
import { diffService, writeService } from "./service-state.ts";

/** A record and the time it is of, since 1970. */
export interface DatedRecord {
  readonly atMs: number;
  readonly record: AuditRecord;
}

interface KnownService {
  model: ServiceModel;
  version: number;
  sinceMs: number;
  cause: ChangeCause | undefined;
  readonly parts: Record<ServicePart, number>;
}

interface KnownStream {
  readonly stream: AuditedStream;
  readonly sinceMs: number;
  readonly began: Set<ServicePart>;
  readonly unanswered: Set<Delivery>;
}

/** A response under way, without what the client had already. */
interface Delivery {
  readonly stream: number;
  readonly response: AuditedResponse;
  readonly items: readonly {
    readonly part: ServicePart;
    readonly name: string;
    readonly held: HeldVersion;
  }[];
  readonly sentMs: number;
  /** Whether it stands in a record that it was sent. */
  isWritten: boolean;
}

interface Brought {
  readonly stream: number;
  readonly part: ServicePart;
  readonly name: string;
  readonly version: string;
  readonly atMs: number;
}

/** A response without an answer for so long is written as such. */
const UNANSWERED_MS = 1_000;
/** Longest part of a client's words that is kept. */
const MAX_MESSAGE = 500;

/**
 * Knows what there is and who believes what, and makes records of what happens. Events are noted when they happen ({@link note}, which costs next to
 * nothing) and looked at when records are wanted ({@link take}): nobody waits for the audit.
 */
export class AuditRecorder {
  readonly #queue: AuditEvent[] = [];
  readonly #services = new Map<string, KnownService>();
  readonly #policies = new Map<
    string,
    { readonly record: PolicyRecord; readonly version: number; readonly sinceMs: number }
  >();
  readonly #streams = new Map<number, KnownStream>();
  readonly #beliefs = new ClientBeliefs();
  readonly #deliveries = new Map<AuditedResponse, Delivery>();
  readonly #collected = new CollectedRecords();
  /** What clients have just said that they have: mostly it turns out at once to be what there is. */
  readonly #brought: Brought[] = [];
  #records: DatedRecord[] = [];
  #firstNumber = 1;
  /** Number of the newest record of a service. */
  #newest = 0;

  /** Events that wait. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** Responses that are not answered, and will have to be written as such. */
  get isWaitingForAnswers(): boolean {
    for (const { isWritten } of this.#deliveries.values()) if (!isWritten) return true;
    return false;
  }

  note(event: AuditEvent): void {
    this.#queue.push(event);
  }

  /**
   * Takes up what has happened.
   *
   * @param firstNumber that the first of the records will have.
   * @returns what is to be written, in this order and numbered without a gap.
   */
  take(firstNumber: number, nowMs: number): readonly DatedRecord[] {
    this.#records = [];
    this.#firstNumber = firstNumber;
    for (const event of this.#queue) this.#apply(event);
    this.#queue.length = 0;
    for (const delivery of this.#deliveries.values()) {
      if (delivery.isWritten || nowMs - delivery.sentMs < UNANSWERED_MS) continue;
      this.#writeUnanswered(delivery);
    }
    for (const { stream, part, name, version, atMs } of this.#brought) {
      const held = this.#beliefs.get(part, name, stream);
      if (held?.of === 0 && held.version === version)
        this.#collected.add({ kind: "kept", part, name, version, of: 0 }, stream, atMs);
    }
    this.#brought.length = 0;
    for (const record of this.#collected.take()) this.#records.push({ atMs: nowMs, record });
    return this.#records;
  }

  /** @returns records of everything as it is, for the head of a file. Nothing may be taken until they have all been read. */
  *state(nowMs: number): Generator<DatedRecord> {
    const at = (record: AuditRecord): DatedRecord => ({ atMs: nowMs, record });
    for (const [name, { model, version, sinceMs, cause, parts }] of this.#services)
      yield at({
        kind: "service",
        name,
        version,
        since: iso(sinceMs),
        cause,
        parts,
        state: writeService(model),
      });
    for (const { record, version, sinceMs } of this.#policies.values())
      yield at({ ...record, version, since: iso(sinceMs) });
    for (const { stream, sinceMs, began } of this.#streams.values())
      yield at(streamRecord(stream, sinceMs, [...began]));
    for (const { part, name, by } of this.#beliefs.all()) {
      const holders = new Map<string, { readonly held: HeldVersion; readonly streams: number[] }>();
      for (const [stream, held] of by) {
        const key = `${held.version} ${held.of}`;
        const known = holders.get(key);
        if (known === undefined) holders.set(key, { held, streams: [stream] });
        else known.streams.push(stream);
      }
      for (const { held, streams } of holders.values())
        yield at({ kind: "holds", part, name, ...held, streams });
    }
    yield at({ kind: "complete" });
    // What is under way has to be said again in this file.
    for (const delivery of this.#deliveries.values()) delivery.isWritten = false;
  }

  #apply(event: AuditEvent): void {
    switch (event.kind) {
      case "service":
        this.#service(event.model, event.atMs);
        break;
      case "gone":
        this.#gone(event.name, event.cause, event.atMs);
        break;
      case "policy": {
        const { policy, cause, spec } = event;
        const record: PolicyRecord = { kind: "policy", policy, cause, spec };
        const version = this.#write(event.atMs, record);
        if (spec === null) this.#policies.delete(policy);
        else this.#policies.set(policy, { record, version, sinceMs: event.atMs });
        break;
      }
      case "opened":
        this.#streams.set(event.stream.id, {
          stream: event.stream,
          sinceMs: event.atMs,
          began: new Set(),
          unanswered: new Set(),
        });
        this.#write(event.atMs, streamRecord(event.stream, event.atMs, []));
        break;
      case "closed":
        this.#closed(event.stream, event.atMs);
        break;
      default:
        this.#inStream(event);
    }
  }

  #service(model: ServiceModel, atMs: number): void {
    const { name, cause } = model;
    const known = this.#services.get(name);
    if (known === undefined) {
      const parts: ServicePart[] = ["listener", "routes", "cluster", "endpoints"];
      const version = this.#write(atMs, {
        kind: "changed",
        name,
        was: 0,
        cause,
        state: writeService(model),
        parts,
      });
      const all = { listener: version, routes: version, cluster: version, endpoints: version };
      this.#services.set(name, { model, version, sinceMs: atMs, cause, parts: all });
      this.#newest = version;
      return;
    }
    const found = diffService(known.model, model);
    known.model = model;
    if (found === undefined) return;
    const { diff, parts } = found;
    const version = this.#write(atMs, { kind: "changed", name, was: known.version, cause, diff, parts });
    Object.assign(known, { version, sinceMs: atMs, cause });
    for (const part of parts) known.parts[part] = version;
    this.#newest = version;
  }

  #gone(name: string, cause: ChangeCause | undefined, atMs: number): void {
    const known = this.#services.get(name);
    if (known === undefined) return;
    this.#services.delete(name);
    this.#newest = this.#write(atMs, { kind: "removed", name, was: known.version, cause });
  }

  #inStream(event: Extract<AuditEvent, { readonly stream: number }>): void {
    const { stream, atMs } = event;
    const known = this.#streams.get(stream);
    if (known === undefined) return;
    switch (event.kind) {
      case "began": {
        const { part, brought } = event;
        if (brought === undefined || known.began.has(part)) return;
        known.began.add(part);
        this.#collected.add({ kind: "began", part }, stream, atMs);
        for (const [name, version] of brought) {
          this.#beliefs.accept(stream, part, name, { version, of: 0 });
          this.#brought.push({ stream, part, name, version, atMs });
        }
        break;
      }
      case "current": {
        const { part, name } = event;
        const held = this.#beliefs.get(part, name, stream);
        if (held === undefined || held.of !== 0) return;
        const { version } = held;
        this.#beliefs.accept(stream, part, name, { version, of: this.#newest });
        this.#collected.add({ kind: "kept", part, name, version, of: this.#newest }, stream, atMs);
        break;
      }
      case "dropped":
        this.#beliefs.drop(stream, event.part, event.name);
        this.#collected.add({ kind: "dropped", part: event.part, name: event.name }, stream, atMs);
        break;
      case "pushed":
        this.#pushed(known, event.part, event.response, atMs);
        break;
      case "answered":
        this.#answered(known, event.response, event.message, atMs);
        break;
    }
  }

  #pushed(known: KnownStream, part: ServicePart, response: AuditedResponse, sentMs: number): void {
    const { id, transport } = known.stream;
    const items: Delivery["items"][number][] = [];
    const add = (name: string, version: string): void => {
      if (this.#beliefs.get(part, name, id)?.version === version) return;
      items.push({ part, name, held: { version, of: this.#newest } });
    };
    for (const [name, version] of response.resources) add(name, version);
    // In this form what is not in a response does not exist; of the other two types nothing follows from that.
    if (transport === "sotw" && (part === "listener" || part === "cluster")) {
      for (const resource of this.#beliefs.of(id))
        if (resource.part === part && !response.resources.has(resource.name)) add(resource.name, "");
    }
    if (items.length === 0) return;
    const delivery: Delivery = { stream: id, response, items, sentMs, isWritten: false };
    this.#deliveries.set(response, delivery);
    known.unanswered.add(delivery);
  }

  #answered(known: KnownStream, response: AuditedResponse, message: string | undefined, atMs: number): void {
    const delivery = this.#deliveries.get(response);
    if (delivery === undefined) return;
    this.#deliveries.delete(response);
    known.unanswered.delete(delivery);
    const { stream, sentMs, items } = delivery;
    for (const { part, name, held } of items) {
      if (message === undefined) {
        this.#beliefs.accept(stream, part, name, held);
        this.#collected.add({ kind: "told", part, name, ...held }, stream, sentMs, atMs);
      } else {
        const said = message.slice(0, MAX_MESSAGE);
        this.#collected.add({ kind: "refused", part, name, ...held, message: said }, stream, sentMs, atMs);
      }
    }
  }

  #writeUnanswered(delivery: Delivery): void {
    delivery.isWritten = true;
    for (const { part, name, held } of delivery.items)
      this.#collected.add({ kind: "told", part, name, ...held }, delivery.stream, delivery.sentMs);
  }

  #closed(stream: number, atMs: number): void {
    const known = this.#streams.get(stream);
    if (known === undefined) return;
    for (const delivery of known.unanswered) {
      this.#deliveries.delete(delivery.response);
      if (!delivery.isWritten) this.#writeUnanswered(delivery);
    }
    this.#streams.delete(stream);
    this.#beliefs.forget(stream);
    this.#write(atMs, { kind: "closed", stream });
  }

  /** @returns its number. */
  #write(atMs: number, record: AuditRecord): number {
    this.#records.push({ atMs, record });
    return this.#firstNumber + this.#records.length - 1;
  }
}

function streamRecord(stream: AuditedStream, sinceMs: number, began: readonly ServicePart[]): AuditRecord {
  const { id, ...rest } = stream;
  return { kind: "stream", stream: id, ...rest, since: iso(sinceMs), began };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
