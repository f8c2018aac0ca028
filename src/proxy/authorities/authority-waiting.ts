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

/** Where requests wait for word of their authority, as the data path sees it. */
export interface AuthorityWaiting {
  /** @returns why the request is refused; undefined when it waits, its field block put aside. */
  hold(unrouted: UnroutedRequest): ProxyError | undefined;
  /** A request waits no more: it has been given up. */
  leave(slot: number): void;
}
