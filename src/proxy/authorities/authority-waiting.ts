import type { ProxyError } from "../proxy-error.ts";
import type { RequestNames } from "./request-names.ts";

/** Whoever goes on with a request that has waited. */
export interface Resumable {
  /** @param octets length of its field block, at `engine.scratch`. */
  resume(slot: number, octets: number, request: RequestNames): void;
}

/** A request whose authority nobody knows yet. */
export interface UnroutedRequest {
  readonly sink: Resumable;
  /** The client's stream. */
  readonly slot: number;
  /** Length of its field block, at `engine.scratch`. */
  readonly octets: number;
  readonly request: RequestNames;
  readonly authority: string;
  /** Address of the caller. */
  readonly source: string;
}

/** What is no request of HTTP/2 and waits for word of an authority: a connection, or a request of HTTP/1.1. */
export interface AuthorityQuestion {
  /** Host, and port where there is one. */
  readonly authority: string;
  /** Address of the caller; "" where it is not one caller's. */
  readonly source: string;
  /** Told once: word has come, or none in time. Where the authority leads has to be looked up again. */
  onWord(): void;
}

/** Where requests wait for word of their authority, as the data path sees it. */
export interface AuthorityWaiting {
  /** @returns why the request is refused; undefined when it waits, its field block put aside. */
  hold(unrouted: UnroutedRequest): ProxyError | undefined;
  /** A request waits no more: it has been given up. */
  leave(slot: number): void;
  /** @returns whether it waits; if not, there is nothing to wait for, or no room to. */
  ask(question: AuthorityQuestion): boolean;
  /** Whoever asked has gone: it is told nothing. */
  withdraw(question: AuthorityQuestion): void;
  /** Whether routes say where requests for an authority go, as far as is known. */
  isRouted(authority: string): boolean;
}
