import type { Socket } from "node:net";
import type { AnyIpRanges } from "../../resource/any-ip.ts";
import { AnyIp, CANARY_NUMBER, DOOR_NUMBER } from "../../resource/any-ip.ts";
import type { Caller } from "../../resource/caller.ts";
import { HeaderChange } from "../../route/header-change.ts";
import { HeaderNames } from "../../route/header-names.ts";
import { PortRefusal } from "../../telemetry/port-cell.ts";
import { callerAddress } from "../guard/caller-table.ts";
import type { ProxyContext } from "../proxy-context.ts";
import type { CallerChanges } from "./caller-book.ts";
import { CallerBook } from "./caller-book.ts";
import type { CallerPod } from "./caller-pod.ts";
import { CANARY_CLUSTER } from "./capture-listener.ts";
import { CapturedScope } from "./captured-scope.ts";
import type { Origin } from "./origin.ts";
import { RenamedRequest } from "./renamed-request.ts";
import { ShortNames } from "./short-names.ts";

/** How long a connection waits for word of the pod that it comes from. */
const CALLER_WAIT_MS = 1_000;
/** Connections that wait so at most; further ones are closed. */
const MAX_WAITING = 1_024;
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
  /** Of services that connections came to. */
  readonly #scopes = new Map<number, CapturedScope>();
  readonly #shortNames = new Map<string, ShortNames>();
  readonly #canary: Origin;
  readonly #waiting = new Map<Socket, { readonly number: number; readonly untilMs: number }>();
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
    const scope = new CapturedScope(context, this.#renamed, CANARY_CLUSTER, change);
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
    if (pod !== undefined) this.#admit(socket, number, pod);
    else if (this.#waiting.size >= MAX_WAITING) this.#refuseUnknown(socket);
    else this.#waiting.set(socket, { number, untilMs: this.#context.time.nowMs + CALLER_WAIT_MS });
  }

  /** Takes the pods of this node, and lets in who waited to be known. */
  applyCallers(callers: readonly Caller[]): CallerChanges {
    const changes = this.#book.apply(callers);
    for (const [socket, { number }] of this.#waiting) {
      const pod = this.#book.find(callerAddress(socket.remoteAddress));
      if (pod === undefined) continue;
      this.#waiting.delete(socket);
      this.#admit(socket, number, pod);
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
      this.#services.delete(number);
      this.#scopes.get(number)?.release();
      this.#scopes.delete(number);
    }
    for (const { number, service } of added) this.#services.set(number, service);
  }

  /** Closes who has waited for too long; to be called a few times a second. */
  sweep(): void {
    const { nowMs } = this.#context.time;
    for (const [socket, { untilMs }] of this.#waiting) {
      if (nowMs < untilMs) continue;
      this.#waiting.delete(socket);
      this.#refuseUnknown(socket);
    }
  }

  #admit(socket: Socket, number: number, pod: CallerPod): void {
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
