import type { ChangeCause } from "../resource/service.ts";
import type { JsonDiff, JsonObject } from "./json-diff.ts";
import type { ServicePart, WrittenService } from "./service-state.ts";

/** What a client is told of at one time: a resource of xDS and the version that its octets have. */
interface ToldResource {
  readonly part: ServicePart;
  /** Of the resource: a service's canonical name, for listeners an authority. */
  readonly name: string;
  /** As the client sees it; "" when it is told that there is none. */
  readonly version: string;
  /** What it was made of: services as they were after the record of this number; 0: not known. */
  readonly of: number;
}

/**
 * The first record of a file. Up to {@link CompleteRecord} follow `service`, `policy`, `stream` and `holds`: everything as it was at the time of
 * the head. So each file can be read without those before it.
 */
export interface FileRecord {
  readonly kind: "file";
  readonly format: 1;
  /** Hash of the record before it, in the file before; 64 zeros where there is none. */
  readonly previous: string;
  /** Who writes. */
  readonly replica: string;
  readonly isobar: string;
  /** Tells the process from others: streams are numbered anew in each. */
  readonly process: string;
  /** Octets of an unfinished record at the end of the file before: that writer was killed, or its disk full. 0: none. */
  readonly torn: number;
  /** Numbers that were given after the record before it and stand in no file: what happened before the first file of a process, and in a gap. */
  readonly skips: number;
  /** Since when nothing could be written; absent: nothing is missing but what the state below says. */
  readonly gap?: { readonly since: string };
  /** What `service` and `changed` leave out of a service's settings. */
  readonly usual: JsonObject;
}

/** A service as it was at the head of the file. */
export interface ServiceRecord {
  readonly kind: "service";
  readonly name: string;
  /** Number of the record that made it so, and when. */
  readonly version: number;
  readonly since: string;
  readonly cause?: ChangeCause | undefined;
  /** Numbers of the records that last changed its parts. */
  readonly parts: Readonly<Record<ServicePart, number>>;
  readonly state: WrittenService;
}

/**
 * A TrafficPolicy as it was at the head of the file, or as it was written; likewise a GRPCRoute's parents and rules, and our annotations of a Service or Namespace.
 */
export interface PolicyRecord {
  readonly kind: "policy";
  /** `namespace/name` of a TrafficPolicy; of others with the kind before it, `GRPCRoute shop/echo`: written-name.ts. */
  readonly policy: string;
  /** The number of its record; absent in the record itself. */
  readonly version?: number;
  /** When, if that is not the time of the record. */
  readonly since?: string;
  readonly cause: ChangeCause;
  /** As the API server has it; null when it was deleted. */
  readonly spec: JsonObject | null;
}

/** A client's stream: its opening, or one that was open at the head of the file. */
export interface StreamRecord {
  readonly kind: "stream";
  readonly stream: number;
  readonly node: string;
  /** `isobar`, `envoy` or `grpc`. */
  readonly client: string;
  readonly transport: string;
  readonly peer: string;
  readonly agent: string;
  readonly region: string;
  readonly zone: string;
  readonly since: string;
  /** Types of which it has said what it has. */
  readonly began: readonly ServicePart[];
}

/** At the head of the file these streams had accepted the resource. */
export interface HoldsRecord extends ToldResource {
  readonly kind: "holds";
  readonly streams: readonly number[];
}

/** The state at the head is complete. */
export interface CompleteRecord {
  readonly kind: "complete";
}

/** A service has changed; the number of the record is the number of the version. */
export interface ChangedRecord {
  readonly kind: "changed";
  readonly name: string;
  /** Number of the version before; 0 for a new service. */
  readonly was: number;
  readonly cause?: ChangeCause | undefined;
  /** Of a new service: all of it. */
  readonly state?: WrittenService;
  /** Of the others: against {@link WrittenService} read whole. */
  readonly diff?: JsonDiff;
  readonly parts: readonly ServicePart[];
}

/** A service is gone. */
export interface RemovedRecord {
  readonly kind: "removed";
  readonly name: string;
  readonly was: number;
  readonly cause?: ChangeCause | undefined;
}

/**
 * The resource was sent to clients. Times are milliseconds after `from`: when it was sent, and when it was accepted. Without the latter it had not been
 * answered when this was written; a further record follows if it is answered later.
 */
export interface ToldRecord extends ToldResource {
  readonly kind: "told";
  readonly from: string;
  readonly streams: readonly (readonly [stream: number, sentMs: number, answeredMs?: number])[];
}

/** As {@link ToldRecord}, but the clients refused it and keep what they had. */
export interface RefusedRecord extends ToldResource {
  readonly kind: "refused";
  readonly message: string;
  readonly from: string;
  readonly streams: readonly (readonly [stream: number, sentMs: number, answeredMs?: number])[];
}

/** Clients have said that they have the resource from before their streams began. `of` is not 0 once it has turned out to be what there is. */
export interface KeptRecord extends ToldResource {
  readonly kind: "kept";
  readonly from: string;
  readonly streams: readonly (readonly [stream: number, atMs: number])[];
}

/** Clients do not want the resource any more. */
export interface DroppedRecord {
  readonly kind: "dropped";
  readonly part: ServicePart;
  readonly name: string;
  readonly from: string;
  readonly streams: readonly (readonly [stream: number, atMs: number])[];
}

/** Streams have said for the first time what they have of a type. */
export interface BeganRecord {
  readonly kind: "began";
  readonly part: ServicePart;
  readonly from: string;
  readonly streams: readonly (readonly [stream: number, atMs: number])[];
}

/** A stream has ended. What its client does then is its own business: all known kinds go on with what they have. */
export interface ClosedRecord {
  readonly kind: "closed";
  readonly stream: number;
}

/** The process was asked to end, and wrote what was left. */
export interface EndedRecord {
  readonly kind: "ended";
}

/** One line of the audit, before it is numbered, dated and sealed. */
export type AuditRecord =
  | FileRecord
  | ServiceRecord
  | PolicyRecord
  | StreamRecord
  | HoldsRecord
  | CompleteRecord
  | ChangedRecord
  | RemovedRecord
  | ToldRecord
  | RefusedRecord
  | KeptRecord
  | DroppedRecord
  | BeganRecord
  | ClosedRecord
  | EndedRecord;

/** A record as it is read. */
export type NumberedRecord = AuditRecord & {
  /** Counts up by one, over all files. */
  readonly n: number;
  /** When it happened, or for collected ones when it was written. RFC 3339 in UTC with milliseconds. */
  readonly at: string;
};
