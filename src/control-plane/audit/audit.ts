import { hostname } from "node:os";
import type { AuditHead } from "../../audit/audit-trail.ts";
import { AuditTrail } from "../../audit/audit-trail.ts";
import type { JsonObject } from "../../audit/json-diff.ts";
import type { WrittenKind } from "../../audit/written-name.ts";
import { writtenName } from "../../audit/written-name.ts";
import type { KubeObject } from "../../kube/kube-object.ts";
import type { ObjectChange } from "../../kube/object-store.ts";
import type { GrpcRouteObject } from "../../kube/objects/grpc-route-object.ts";
import type { NamespaceObject } from "../../kube/objects/namespace-object.ts";
import { ANNOTATION_PREFIX } from "../../kube/objects/own-annotations.ts";
import type { ServiceObject } from "../../kube/objects/service-object.ts";
import type { TrafficPolicyObject } from "../../kube/objects/traffic-policy-object.ts";
import type { ServiceSink } from "../../resource/service-source.ts";
import type { Log } from "../../telemetry/log.ts";
import { VERSION } from "../../telemetry/version.ts";
import type { StreamEvents } from "../../xds/server/ads-stream.ts";
import { AuditedEvents } from "./audited-events.ts";
import { AuditedSink } from "./audited-sink.ts";

/** Where and how much is audited. */
export interface AuditFlags {
  readonly folder: string;
  readonly fileOctets: number;
  readonly maxFiles: number;
}

/** Told the head every minute, where rewritten files cannot reach: whoever has a head can check the files against it. */
export interface HeadPublisher {
  publish(head: AuditHead, replica: string): void;
  close(): Promise<void>;
}

const PUBLISH_MS = 60_000;
/** Minutes after which a head that is still the same is published again: Events are forgotten after an hour. */
const REPEAT_AFTER = 30;

/** The control plane's audit: what happens to services and at clients goes by it into files. */
export class Audit {
  /** Who writes. */
  readonly replica: string;
  readonly #trail: AuditTrail;
  readonly #timer: NodeJS.Timeout;
  #publisher: HeadPublisher | undefined;
  #published: AuditHead;
  #unchangedFor = 0;

  private constructor(trail: AuditTrail, replica: string) {
    this.#trail = trail;
    this.replica = replica;
    this.#published = trail.head;
    this.#timer = setInterval(() => this.#publish(), PUBLISH_MS).unref();
  }

  /** @throws what the file system says, when the folder cannot be used. */
  static async open({ folder, fileOctets, maxFiles }: AuditFlags, log: Log): Promise<Audit> {
    const replica = hostname();
    return new Audit(
      await AuditTrail.open({ folder, fileOctets, maxFiles, replica, isobar: VERSION, log }),
      replica,
    );
  }

  set publisher(publisher: HeadPublisher) {
    this.#publisher = publisher;
  }

  /** As it was last published. */
  get head(): AuditHead {
    return this.#published;
  }

  get isWriting(): boolean {
    return this.#trail.isWriting;
  }

  get written(): number {
    return this.#trail.written;
  }

  get lost(): number {
    return this.#trail.lost;
  }

  /** @returns a sink that lets the audit know before the next one does. */
  sink(next: ServiceSink): ServiceSink {
    return new AuditedSink(this.#trail, next);
  }

  events(next: StreamEvents): StreamEvents {
    return new AuditedEvents(this.#trail, next);
  }

  /** A TrafficPolicy was written or deleted. */
  onPolicy({ verb, object }: ObjectChange<TrafficPolicyObject>): void {
    const { targetRefs, spec } = object;
    this.#written("TrafficPolicy", object, verb, { targetRefs, ...spec } as unknown as JsonObject);
  }

  /** A GRPCRoute was written or deleted. Its status is others' business. */
  onRoute({ verb, object, previous }: ObjectChange<GrpcRouteObject>): void {
    if (verb !== "DELETED" && previous?.uid === object.uid && previous.generation === object.generation)
      return;
    const { parents: parentRefs, rules } = object;
    this.#written("GRPCRoute", object, verb, { parentRefs, rules } as unknown as JsonObject);
  }

  /** A Namespace or Service has changed, or is gone: its annotations of ours may be others. */
  onAnnotated(
    previous: NamespaceObject | ServiceObject | undefined,
    current: NamespaceObject | ServiceObject | undefined,
  ): void {
    const object = current ?? previous;
    if (object === undefined) return;
    const [before, now] = [annotationsOf(previous), annotationsOf(current)];
    const [had, has] = [Object.keys(before).length > 0, Object.keys(now).length > 0];
    if (!had && !has) return;
    if (current !== undefined && previous !== undefined && JSON.stringify(before) === JSON.stringify(now))
      return;
    const kind = object.namespace === "" ? "Namespace" : "Service";
    // What there was before the first is a version too: nothing.
    if (previous !== undefined && !had) this.#written(kind, previous, "MODIFIED", {});
    const verb = current === undefined ? "DELETED" : previous === undefined ? "ADDED" : "MODIFIED";
    this.#written(kind, object, verb, now);
  }

  #written(
    kind: WrittenKind,
    object: KubeObject,
    verb: ObjectChange<KubeObject>["verb"],
    spec: JsonObject,
  ): void {
    const { namespace, name, resourceVersion, manager } = object;
    const named = namespace === "" ? name : `${namespace}/${name}`;
    this.#trail.note({
      kind: "policy",
      policy: writtenName(kind, named),
      cause: { object: `${kind} ${named}`, resourceVersion, verb, fieldManager: manager },
      spec: verb === "DELETED" ? null : spec,
      atMs: Date.now(),
    });
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#trail.close();
    this.#publish();
    await this.#publisher?.close();
  }

  #publish(): void {
    const { head } = this.#trail;
    if (head.n === 0) return;
    this.#unchangedFor = head.n === this.#published.n ? this.#unchangedFor + 1 : 0;
    if (this.#unchangedFor % REPEAT_AFTER !== 0) return;
    this.#published = head;
    this.#publisher?.publish(head, this.replica);
  }
}

/** With their prefix, as they are written. */
function annotationsOf(object: NamespaceObject | ServiceObject | undefined): JsonObject {
  const own = Object.entries(object?.annotations ?? {}).map(([name, value]) => [
    ANNOTATION_PREFIX + name,
    value,
  ]);
  return Object.fromEntries(own) as JsonObject;
}
