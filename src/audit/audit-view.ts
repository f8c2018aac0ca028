import type { ChangeCause } from "../resource/service.ts";
import type { ServicePart, ServiceState } from "./service-state.ts";

/** What was known of a service, or believed by a client, in one version. */
export interface VersionView {
  /** Number of the record; 0: of no record that is there. */
  readonly record: number;
  readonly since: string;
  readonly cause: ChangeCause | undefined;
}

/** What a client believed of one part of a service. */
export interface PartView {
  readonly part: ServicePart;
  /** Of the resource. */
  readonly name: string;
  /**
   * `accepted`: it was sent and the client said that it applies it. `brought`: the client had it before its stream began. `held`: accepted before the file began.
   * `absent`: it was told that there is none. `unknown`: it had not been told anything.
   */
  readonly state: "accepted" | "brought" | "held" | "absent" | "unknown";
  /** As `/xds/status` shows it, and the client. */
  readonly version: string;
  readonly sent: string | undefined;
  readonly accepted: string | undefined;
  /** The version that it was made of; undefined where that cannot be found any more. */
  readonly of: VersionView | undefined;
  /** Sent and not answered at that time: it may have been in force already. */
  readonly underWay:
    | { readonly version: string; readonly sent: string; readonly answered: string | undefined }
    | undefined;
  readonly refused: { readonly version: string; readonly at: string; readonly message: string } | undefined;
  /** Versions that were known, and not accepted yet. */
  readonly behind: readonly VersionView[];
  /** Whether it comes from a stream that had ended; the new one has not said what it has. */
  readonly isFromFormerStream: boolean;
}

/** A client and what it believed of a service. */
export interface ClientView {
  /** Which replica it was connected to, where several were asked. */
  readonly replica?: string;
  readonly node: string;
  readonly client: string;
  readonly transport: string;
  readonly peer: string;
  readonly agent: string;
  readonly region: string;
  readonly zone: string;
  readonly stream: number;
  readonly since: string;
  /** When its stream had ended; what it had it goes on with. */
  readonly ended: string | undefined;
  readonly parts: readonly PartView[];
  /** What these come to; null for a service it did not know, undefined where its content cannot be found. */
  readonly believed: Partial<ServiceState> | null | undefined;
}

/** A service at a time. */
export interface ServiceView {
  readonly name: string;
  /** What the control plane knew; null: there was none. */
  readonly known: (VersionView & { readonly state: ServiceState }) | null;
  readonly clients: readonly ClientView[];
}

/** A service in a list. */
export interface ServiceLine {
  readonly name: string;
  readonly record: number;
  readonly since: string;
  readonly endpoints: number;
  /** Of a client that was asked for: what it believed. */
  readonly believedEndpoints?: number | undefined;
  readonly isBehind?: boolean;
}

/** What the audit says of a time. */
export interface AuditView {
  readonly at: string;
  readonly replica: string;
  readonly file: string;
  /** Of the newest record up to then. What happened after it, if anything, was not written. */
  readonly newest: string;
  /** When nothing was written around that time: what is shown was as it is up to then. */
  readonly notes: readonly string[];
  /** Of the node that was asked for: its newest stream. */
  readonly connected?: { readonly since: string; readonly ended: string | undefined };
  readonly services: readonly ServiceView[];
  /** Where no service was asked for. */
  readonly list: readonly ServiceLine[];
}
