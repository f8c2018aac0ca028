import type { Socket } from "node:net";
import { NO_ROUTE } from "../../route/authority-table.ts";
import type { AuthorityQuestion } from "../authorities/authority-waiting.ts";
import type { ProxyContext } from "../proxy-context.ts";

/** How long a connection waits for word of its service. Afterwards it is let in, and its requests wait, as those of names do. */
const WAIT_MS = 1_000;
/** Connections that wait so at most; further ones are let in at once. */
const MAX_WAITING = 4_096;
/** Services that are asked for at once in this way, half of what may be asked for at all (asked-authorities.ts). */
const MAX_ASKED = 512;
const CLASSES = 256;

/** Who waits for word of a service. */
interface Waits {
  /** Class of the caller that came first: the question is its. */
  readonly callerClass: number;
  /** In the order of their coming. */
  readonly sockets: Map<Socket, { readonly callerClass: number; readonly untilMs: number }>;
}

/**
 * Connections to captured services that nobody has asked a control plane for yet. The service is asked for when the first comes, and not when its first request does; until
 * there is word they are not read. A proxy that has just been given a node's traffic would otherwise have thousands of requests to hold at once, of one Pod perhaps:
 * what has not been read is held by the client, for nothing.
 *
 * A class of callers may have as much of the room, in connections and in services, as is left free: half when it is alone, a third beside another that takes all it
 * can, and there is always some for who comes next. Source: Choudhury and Hahne, "Dynamic Queue Length Thresholds", IEEE/ACM ToN 1998.
 */
export class ServiceWaits {
  readonly #context: ProxyContext;
  readonly #goOn: (socket: Socket, number: number) => void;
  /** By the service's number. */
  readonly #waits = new Map<number, Waits>();
  /** Connections by class of callers, and services they have asked for. */
  readonly #ofClass = new Uint16Array(CLASSES);
  readonly #askedOfClass = new Uint16Array(CLASSES);
  #size = 0;
  #isDraining = false;

  /** @param goOn told of a connection that is to be let in; once, and never by {@link hold}. */
  constructor(context: ProxyContext, goOn: (socket: Socket, number: number) => void) {
    this.#context = context;
    this.#goOn = goOn;
  }

  /**
   * @param service in lower case.
   * @param callerClass of the pod that it comes from, 0 to 255.
   * @returns whether the connection waits; if not, there is nothing to wait for, or no room to.
   */
  hold(socket: Socket, number: number, service: string, callerClass: number): boolean {
    const { askedAuthorities, time } = this.#context;
    if (askedAuthorities === undefined || this.#isDraining) return false;
    if (this.#ofClass[callerClass]! >= MAX_WAITING - this.#size) return false;
    const waits = this.#waits.get(number) ?? this.#ask(number, service, callerClass);
    if (waits === undefined) return false;
    waits.sockets.set(socket, { callerClass, untilMs: time.nowMs + WAIT_MS });
    this.#ofClass[callerClass]!++;
    this.#size++;
    return true;
  }

  #ask(number: number, service: string, callerClass: number): Waits | undefined {
    const { authorities, askedAuthorities } = this.#context;
    if (authorities.find(service) !== NO_ROUTE || askedAuthorities!.isRouted(service)) return undefined;
    if (this.#askedOfClass[callerClass]! >= MAX_ASKED - this.#waits.size) return undefined;
    const question: AuthorityQuestion = {
      authority: service,
      source: "",
      onWord: () => this.#letIn(number),
    };
    if (!askedAuthorities!.ask(question)) return undefined;
    const waits: Waits = { callerClass, sockets: new Map() };
    this.#waits.set(number, waits);
    this.#askedOfClass[callerClass]!++;
    return waits;
  }

  /** Connections that wait. */
  get size(): number {
    return this.#size;
  }

  /** The proxy is leaving: who waits is let in, to be served and asked to go as all are. */
  drain(): void {
    this.#isDraining = true;
    for (const [number, { sockets }] of this.#waits)
      for (const socket of sockets.keys()) this.#goIn(socket, number, sockets);
  }

  /** Lets in who has waited for too long; to be called a few times a second. */
  sweep(): void {
    const { nowMs } = this.#context.time;
    for (const [number, { sockets }] of this.#waits) {
      for (const [socket, { untilMs }] of sockets) {
        if (nowMs < untilMs) break;
        this.#goIn(socket, number, sockets);
      }
    }
  }

  #letIn(number: number): void {
    const { callerClass, sockets } = this.#waits.get(number)!;
    this.#waits.delete(number);
    this.#askedOfClass[callerClass]!--;
    for (const socket of sockets.keys()) this.#goIn(socket, number, sockets);
  }

  #goIn(socket: Socket, number: number, sockets: Waits["sockets"]): void {
    const { callerClass } = sockets.get(socket)!;
    sockets.delete(socket);
    this.#ofClass[callerClass]!--;
    this.#size--;
    this.#goOn(socket, number);
  }
}
