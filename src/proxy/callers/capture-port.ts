import type { Socket } from "node:net";
import type { AnyIpRanges } from "../../resource/any-ip.ts";
import { AnyIp, CANARY_NUMBER, DOOR_NUMBER } from "../../resource/any-ip.ts";
import { HeaderChange } from "../../route/header-change.ts";
import { HeaderNames } from "../../route/header-names.ts";
import { PortRefusal } from "../../telemetry/port-cell.ts";
import { callerAddress } from "../guard/caller-table.ts";
import type { ProxyContext } from "../proxy-context.ts";
import type { CallerChanges } from "./caller-book.ts";
import { CallerBook } from "./caller-book.ts";
import type { CallerPod } from "./caller-pod.ts";
import { CanaryScope } from "./canary-scope.ts";
import { CANARY_CLUSTER } from "./capture-listener.ts";
import { CapturedScope } from "./captured-scope.ts";
import type { NumberedCaller } from "./numbered-caller.ts";
import type { Origin } from "./origin.ts";
import { RenamedRequest } from "./renamed-request.ts";
import { ServiceWaits } from "./service-waits.ts";
import { ShortNames } from "./short-names.ts";

/** How long a connection waits for word of the pod that it comes from. */
const CALLER_WAIT_MS = 1_000;
/**
 * How long connections of a service are taken that is not captured any more: the kernel's map changes later than this is known, and a map that nobody
 * changes is not in force any more by then. Numbers are never given to another service.
 */
const LEAVING_MS = 3_000;
/** Connections that wait so at most; further ones are closed. */
const MAX_WAITING = 1_024;
/** What its class is charged for a connection that comes and goes, about 0.1 ms, most of it the kernel's (net/run-queue.ts). */
const CONNECTION_UNITS = 50;
/** Least time between two lines of the log about callers that are nobody. */
const LOG_MS = 10_000;
/** Header of canaries by which `isobar capture` knows the worker. */
const WORKER_HEADER = "x-isobar-worker";

/** What a {@link CapturePort} tells. */
export interface CapturePortOwner {
  /** The connection is let in. */
  take(socket: Socket, origin: Origin): void;
  /** The connection is closed. */
  refuse(socket: Socket, reason: PortRefusal): void;
  /** For the log; rare. @param count since the last time. */
  unknownCaller(address: string, count: number): void;
}

/** What a worker is told of captured services. */
export interface ServiceChanges {
  readonly added: readonly { readonly number: number; readonly service: string }[];
  readonly removed: readonly number[];
}

/**
 * The node's private port, in one worker: by the address a connection came to it knows what it is for, by the address it came from, who calls.
 * Both are read once, when it is accepted. Who is no pod of this node gets nothing; a pod that nobody has told of yet is waited for.
 */
export class CapturePort {
  readonly #context: ProxyContext;
  readonly #owner: CapturePortOwner;
  readonly #anyIp: AnyIp;
  readonly #book = new CallerBook();
  readonly #renamed: RenamedRequest;
  /** Names by number. */
  readonly #services = new Map<number, string>();
  /** Until when connections of services are taken that are not captured any more, by number. */
  readonly #leaving = new Map<number, number>();
  /** Of services that connections came to. */
  readonly #scopes = new Map<number, CapturedScope>();
  readonly #shortNames = new Map<string, ShortNames>();
  readonly #canary: Origin;
  readonly #canaries: CanaryScope;
  /** For word of who they are. */
  readonly #waiting = new Map<Socket, { readonly number: number; readonly untilMs: number }>();
  /** For word of where they lead. */
  readonly #serviceWaits: ServiceWaits;
  #unknown = 0;
  #loggedMs = Number.NEGATIVE_INFINITY;

  constructor(context: ProxyContext, ranges: AnyIpRanges, owner: CapturePortOwner) {
    this.#context = context;
    this.#owner = owner;
    this.#anyIp = new AnyIp(ranges);
    this.#renamed = new RenamedRequest(context.engine.slab.bytes);
    const change = new HeaderChange(
      { set: {}, add: { [WORKER_HEADER]: String(context.workerIndex) }, remove: [] },
      new HeaderNames(context.engine.slab.bytes, context.engine.pool),
    );
    this.#canaries = new CanaryScope(context, this.#renamed, CANARY_CLUSTER, change);
    const scope = this.#canaries;
    this.#serviceWaits = new ServiceWaits(context, (waited, number) => {
      // Whose address it is may have changed while it waited.
      const pod = this.#book.find(callerAddress(waited.remoteAddress));
      if (pod !== undefined) this.#admit(waited, number, pod);
      else this.#refuseUnknown(waited);
    });
    this.#canary = { pod: undefined, service: CANARY_CLUSTER, scope, number: CANARY_NUMBER };
  }

  /** Takes an accepted, paused socket in, now or when its caller is known, or closes it. */
  receive(socket: Socket): void {
    const { localAddress = "", remoteAddress } = socket;
    const number = this.#anyIp.numberOf(localAddress);
    if (number === CANARY_NUMBER) {
      // Only this machine has that address as its own, so that no answer gets to anybody who only says so.
      if (remoteAddress === localAddress) this.#owner.take(socket, this.#canary);
      else this.#owner.refuse(socket, PortRefusal.notCaptured);
      return;
    }
    if (number !== DOOR_NUMBER && !this.#services.has(number)) {
      this.#owner.refuse(socket, PortRefusal.notCaptured);
      return;
    }
    const pod = this.#book.find(callerAddress(remoteAddress));
    if (pod !== undefined) this.#enter(socket, number, pod);
    else if (this.#waiting.size >= MAX_WAITING) this.#refuseUnknown(socket);
    else this.#waiting.set(socket, { number, untilMs: this.#context.time.nowMs + CALLER_WAIT_MS });
  }

  /** Takes the pods of this node, and lets in who waited to be known. */
  applyCallers(callers: readonly NumberedCaller[]): CallerChanges {
    const changes = this.#book.apply(callers);
    for (const [socket, { number }] of this.#waiting) {
      const pod = this.#book.find(callerAddress(socket.remoteAddress));
      if (pod === undefined) continue;
      this.#waiting.delete(socket);
      this.#enter(socket, number, pod);
    }
    const namespaces = new Set(callers.map(({ namespace }) => namespace));
    for (const [namespace, names] of this.#shortNames) {
      if (namespaces.has(namespace)) continue;
      names.release();
      this.#shortNames.delete(namespace);
    }
    return changes;
  }

  /** The kernel has the plan that the pods known now are in. */
  planInForce(): void {
    this.#book.planInForce();
  }

  /** Takes the services that are captured. */
  applyServices({ added, removed }: ServiceChanges): void {
    for (const number of removed) {
      this.#leaving.set(number, this.#context.time.nowMs + LEAVING_MS);
      this.#releaseScope(number);
    }
    for (const { number, service } of added) {
      this.#leaving.delete(number);
      this.#services.set(number, service);
    }
  }

  /** Whether the service of a number is not captured any more: connections that still come for it are to go soon. */
  isLeaving(number: number): boolean {
    return this.#leaving.has(number);
  }

  /** Requests of `isobar capture` itself so far. */
  get canaryRequests(): number {
    return this.#canaries.count;
  }

  /** Connections that wait for word of who they are or where they lead: they count nowhere else. */
  get waiting(): number {
    return this.#waiting.size + this.#serviceWaits.size;
  }

  /** The proxy is leaving. */
  drain(): void {
    this.#serviceWaits.drain();
  }

  /** Closes who has waited for too long, and lets go of services that are not captured any more; to be called a few times a second. */
  sweep(): void {
    const { nowMs } = this.#context.time;
    for (const [number, untilMs] of this.#leaving) {
      if (nowMs < untilMs) continue;
      this.#leaving.delete(number);
      this.#services.delete(number);
      this.#releaseScope(number);
    }
    for (const [socket, { untilMs }] of this.#waiting) {
      if (nowMs < untilMs) continue;
      this.#waiting.delete(socket);
      this.#refuseUnknown(socket);
    }
    this.#serviceWaits.sweep();
  }

  #enter(socket: Socket, number: number, pod: CallerPod): void {
    const service = this.#services.get(number);
    if (
      service !== undefined &&
      this.#serviceWaits.hold(socket, number, service.toLowerCase(), pod.callerClass)
    )
      return;
    this.#admit(socket, number, pod);
  }

  #admit(socket: Socket, number: number, pod: CallerPod): void {
    const { queue } = this.#context.turn;
    if (pod.callerClass !== queue.sole) queue.charge(pod.callerClass, CONNECTION_UNITS, 0);
    const service = this.#services.get(number);
    if (service !== undefined) {
      const scope = this.#scopeOf(number, service);
      this.#owner.take(socket, { pod, service: scope.service, scope, number });
    } else if (number === DOOR_NUMBER) {
      this.#owner.take(socket, { pod, service: "", scope: this.#namesOf(pod.namespace), number });
    } else {
      this.#owner.refuse(socket, PortRefusal.notCaptured);
    }
  }

  #releaseScope(number: number): void {
    this.#scopes.get(number)?.release();
    this.#scopes.delete(number);
  }

  #scopeOf(number: number, service: string): CapturedScope {
    let scope = this.#scopes.get(number);
    if (scope === undefined) {
      scope = new CapturedScope(this.#context, this.#renamed, service);
      this.#scopes.set(number, scope);
    }
    return scope;
  }

  #namesOf(namespace: string): ShortNames {
    let names = this.#shortNames.get(namespace);
    if (names === undefined) {
      names = new ShortNames(this.#context, this.#renamed, namespace);
      this.#shortNames.set(namespace, names);
    }
    return names;
  }

  #refuseUnknown(socket: Socket): void {
    this.#unknown++;
    const { nowMs } = this.#context.time;
    if (nowMs - this.#loggedMs >= LOG_MS) {
      this.#loggedMs = nowMs;
      this.#owner.unknownCaller(callerAddress(socket.remoteAddress), this.#unknown);
      this.#unknown = 0;
    }
    this.#owner.refuse(socket, PortRefusal.unknownCaller);
  }
}
