import type { Socket } from "node:net";
import { NO_ROUTE } from "../../route/authority-table.ts";
import type { AuthorityQuestion } from "../authorities/authority-waiting.ts";
import type { ProxyContext } from "../proxy-context.ts";

/** How long a connection waits for word of its service. Afterwards it is let in, and its requests wait, as those of names do. */
const WAIT_MS = 1_000;
/** Connections that wait so at most; further ones are let in at once. */
const MAX_WAITING = 4_096;

/**
 * Connections to captured services that nobody has asked a control plane for yet. The service is asked for when the first comes, and not when its first request does; until
 * there is word they are not read. A proxy that has just been given a node's traffic would otherwise have thousands of requests to hold at once, of one Pod perhaps:
 * what has not been read is held by the client, for nothing.
 */
export class ServiceWaits {
  readonly #context: ProxyContext;
  readonly #goOn: (socket: Socket, number: number) => void;
  /** By the service's number: until when each waits, in the order of their coming. */
  readonly #waits = new Map<number, Map<Socket, number>>();
  #size = 0;
  #isDraining = false;

  /** @param goOn told of a connection that is to be let in; once, and never by {@link hold}. */
  constructor(context: ProxyContext, goOn: (socket: Socket, number: number) => void) {
    this.#context = context;
    this.#goOn = goOn;
  }

  /** @param service in lower case. @returns whether the connection waits; if not, there is nothing to wait for, or no room to. */
  hold(socket: Socket, number: number, service: string): boolean {
    const { authorities, askedAuthorities, time } = this.#context;
    if (askedAuthorities === undefined || this.#isDraining || this.#size >= MAX_WAITING) return false;
    let waits = this.#waits.get(number);
    if (waits === undefined) {
      if (authorities.find(service) !== NO_ROUTE || askedAuthorities.isRouted(service)) return false;
      const question: AuthorityQuestion = {
        authority: service,
        source: "",
        onWord: () => this.#letIn(number),
      };
      if (!askedAuthorities.ask(question)) return false;
      waits = new Map();
      this.#waits.set(number, waits);
    }
    waits.set(socket, time.nowMs + WAIT_MS);
    this.#size++;
    return true;
  }

  /** Connections that wait. */
  get size(): number {
    return this.#size;
  }

  /** The proxy is leaving: who waits is let in, to be served and asked to go as all are. */
  drain(): void {
    this.#isDraining = true;
    for (const [number, sockets] of this.#waits) {
      this.#size -= sockets.size;
      for (const socket of sockets.keys()) this.#goOn(socket, number);
      sockets.clear();
    }
  }

  /** Lets in who has waited for too long; to be called a few times a second. */
  sweep(): void {
    const { nowMs } = this.#context.time;
    for (const [number, sockets] of this.#waits) {
      for (const [socket, untilMs] of sockets) {
        if (nowMs < untilMs) break;
        sockets.delete(socket);
        this.#size--;
        this.#goOn(socket, number);
      }
    }
  }

  #letIn(number: number): void {
    const sockets = this.#waits.get(number)!;
    this.#waits.delete(number);
    this.#size -= sockets.size;
    for (const socket of sockets.keys()) this.#goOn(socket, number);
  }
}
