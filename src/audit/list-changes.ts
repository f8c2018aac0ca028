import type { ChangeCause } from "../resource/service.ts";
import type { AuditReader } from "./audit-reader.ts";
import type { NumberedRecord } from "./audit-record.ts";
import type { JsonDiff, JsonObject } from "./json-diff.ts";
import { diffJson } from "./json-diff.ts";
import { isService } from "./service-name.ts";
import { shownName } from "./written-name.ts";

/** A change of a service, or of what is written about services. */
export interface Change {
  /** Number of its record, which `isobar rollback --to` takes. */
  readonly record: number;
  readonly at: string;
  /** `echo.shop:50051`, or `TrafficPolicy shop/echo`, `GRPCRoute shop/echo`, `Service shop/echo` (its annotations). */
  readonly subject: string;
  readonly kind: "new" | "changed" | "removed";
  readonly cause: ChangeCause | undefined;
  /** What has changed; absent for what is new or gone. */
  readonly diff?: JsonDiff | undefined;
  /** Whose record it is, where several replicas were asked. */
  readonly replica?: string;
}

/** Which changes. */
export interface ChangesQuestion {
  readonly sinceMs: number;
  readonly untilMs: number;
  readonly service?: string | undefined;
  /** As records call it: written-name.ts. */
  readonly policy?: string | undefined;
}

/** @returns changes in their order; of what is asked for by name also the version that it had at the beginning. */
export async function* listChanges(reader: AuditReader, question: ChangesQuestion): AsyncGenerator<Change> {
  const { sinceMs, untilMs, service, policy } = question;
  const isAsked = (record: NumberedRecord): boolean => {
    if (record.kind === "policy")
      return policy === undefined ? service === undefined : record.policy === policy;
    if (record.kind !== "service" && record.kind !== "changed" && record.kind !== "removed") return false;
    if (service !== undefined) {
      const authorities = "state" in record ? (record.state?.authorities ?? []) : [];
      if (authorities.some((each) => each === service.toLowerCase())) alsoCalled.add(record.name);
      return alsoCalled.has(record.name) || isService(record.name, authorities, service);
    }
    return policy === undefined;
  };
  const isNamed = service !== undefined || policy !== undefined;
  const alsoCalled = new Set<string>();
  const listed = new Set<number>();
  const specs = new Map<string, JsonObject>();
  for await (const record of reader.records(sinceMs)) {
    if (!isAsked(record)) continue;
    const change = changeOf(record, specs);
    if (change === undefined || listed.has(change.record)) continue;
    const isHead = change.record !== record.n;
    listed.add(change.record);
    const atMs = Date.parse(change.at);
    if (atMs > untilMs || (atMs < sinceMs && !(isHead && isNamed))) continue;
    yield change;
  }
}

function changeOf(record: NumberedRecord, specs: Map<string, JsonObject>): Change | undefined {
  const { n, at } = record;
  switch (record.kind) {
    case "service":
      return {
        record: record.version,
        at: record.since,
        subject: record.name,
        kind: "new",
        cause: record.cause,
      };
    case "changed": {
      const { name, state, diff, cause } = record;
      return { record: n, at, subject: name, kind: state === undefined ? "changed" : "new", cause, diff };
    }
    case "removed":
      return { record: n, at, subject: record.name, kind: "removed", cause: record.cause };
    case "policy": {
      const { policy, spec, cause, version = n, since = at } = record;
      const before = specs.get(policy);
      if (spec === null) specs.delete(policy);
      else specs.set(policy, spec);
      const base = { record: version, at: since, subject: shownName(policy), cause };
      if (spec === null) return { ...base, kind: "removed" };
      return before === undefined
        ? { ...base, kind: "new" }
        : { ...base, kind: "changed", diff: diffJson(before, spec) ?? {} };
    }
    default:
      return undefined;
  }
}
