import type { ServiceFilter } from "../cache/resource-source.ts";
import type { ClientKind } from "../resources/client-kind.ts";
import type { ClientCertificate } from "./server-identity.ts";

/** What whoever asks for a stream has proved, or wants to prove. */
export interface ClientCredentials {
  /** Address and port. */
  readonly peer: string;
  /** Bearer token of the call; "" for none. */
  readonly token: string;
  /** undefined for a client that has shown none. */
  readonly certificate: ClientCertificate | undefined;
}

/** Why a client is refused; label values of a metric. */
export type RefusalReason =
  /** Neither token nor certificate. */
  | "no_credentials"
  /** Not issued by this cluster, for somebody else (audience), expired, or its Pod is gone. */
  | "token"
  /** Not of a trusted authority, expired, or without a name that means anything. */
  | "certificate"
  /** Good, but of a ServiceAccount or name that is nobody here. */
  | "unknown_client"
  /** Good, but not of the node that the stream names. */
  | "node"
  /** It cannot be checked at the moment. */
  | "unavailable"
  /** What it was let in by has ended, or says something else now; nothing is wrong with that. */
  | "expired";

/** A client that gets nothing. */
export interface Refusal {
  /** gRPC status code. */
  readonly code: number;
  readonly reason: RefusalReason;
  /** What, found, wanted and what to do; the client is told the same. */
  readonly message: string;
}

/** What one stream may have. */
export interface StreamScope extends ServiceFilter {
  /** Whether it is known yet; before, nothing is answered. */
  readonly isKnown: boolean;
}

/** Told what becomes of a stream's rights. */
export interface ScopeOwner {
  /** The scope is known, or another one. */
  changed(): void;
  /** It may have nothing any more, or never might. */
  refuse(refusal: Refusal): void;
}

/** A client that has been let in. */
export interface ClientSession {
  /** Who it is, for people: `ServiceAccount isobar-system/isobar-proxy, pod isobar-x7`. */
  readonly who: string;
  /**
   * The stream's first request names a node.
   *
   * @returns what the stream may have from now on; undefined for everything.
   */
  enter(node: { readonly id: string; readonly kind: ClientKind }, owner: ScopeOwner): StreamScope | undefined;
  /** The stream is over. */
  leave(): void;
}

/** Decides who may open streams. */
export interface Admission {
  admit(credentials: ClientCredentials): Promise<ClientSession | Refusal>;
}
