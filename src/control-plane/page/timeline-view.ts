import { AuditReader } from "../../audit/audit-reader.ts";
import type { Json, JsonDiff } from "../../audit/json-diff.ts";
import type { Change } from "../../audit/list-changes.ts";
import { listChanges } from "../../audit/list-changes.ts";
import type { ChangeLine, TimelineView } from "./page-view.ts";

/** Which changes. */
export interface TimelineQuestion {
  /** As isobar audit names services; undefined: all. */
  readonly service: string | undefined;
  readonly minutes: number;
  readonly limit: number;
}

const MAX_PLACES = 50;
const MAX_VALUE = 500;
/** Reading one hour of a busy cluster takes a second of the processor: nobody has it read for each of his looks. */
const FRESH_MS = 3_000;
const MAX_KNOWN = 16;

/** What changed, read from the audit's files: one reading at a time, and each question's answer for some seconds. */
export class Timeline {
  readonly #folder: string;
  readonly #known = new Map<string, { readonly atMs: number; readonly view: Promise<TimelineView> }>();
  #last: Promise<unknown> = Promise.resolve();

  /** @param folder of the audit. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Rejects with AuditError, in words for people, where the files cannot be read. */
  view(question: TimelineQuestion): Promise<TimelineView> {
    const { service = "", minutes, limit } = question;
    const key = `${minutes} ${limit} ${service}`;
    const known = this.#known.get(key);
    const nowMs = performance.now();
    if (known !== undefined && nowMs - known.atMs < FRESH_MS) return known.view;
    const view = this.#last.then(() => this.#read(question));
    this.#last = view.catch(() => undefined);
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.set(key, { atMs: nowMs, view });
    return view;
  }

  async #read({ service, minutes, limit }: TimelineQuestion): Promise<TimelineView> {
    const untilMs = Date.now();
    const sinceMs = untilMs - minutes * 60_000;
    const reader = await AuditReader.open(this.#folder);
    let newest: Change[] = [];
    let more = false;
    for await (const change of listChanges(reader, { sinceMs, untilMs, service })) {
      newest.push(change);
      if (newest.length < 2 * limit) continue;
      newest = newest.slice(-limit);
      more = true;
    }
    more ||= newest.length > limit;
    return {
      at: new Date(untilMs).toISOString(),
      since: new Date(sinceMs).toISOString(),
      more,
      changes: newest.slice(-limit).reverse().map(changeLine),
    };
  }
}

function changeLine({ record, at, subject, kind, cause, diff }: Change): ChangeLine {
  const places = diff === undefined ? [] : placesOf(diff);
  return {
    record,
    at,
    subject,
    kind,
    cause: cause === undefined ? "" : [cause.verb, cause.object, by(cause.fieldManager)].join(" ").trim(),
    diff: places.slice(0, MAX_PLACES),
    omitted: Math.max(0, places.length - MAX_PLACES),
  };
}

function by(fieldManager: string): string {
  return fieldManager === "" ? "" : `by ${fieldManager}`;
}

function placesOf({ set = {}, unset = [], was = {} }: JsonDiff): ChangeLine["diff"] {
  const before = (place: string): string | null => (place in was ? text(was[place]!) : null);
  return [
    ...Object.entries(set).map(([place, value]) => ({ place, was: before(place), is: text(value) })),
    ...unset.map((place) => ({ place, was: before(place), is: null })),
  ];
}

function text(value: Json): string {
  const whole = JSON.stringify(value);
  return whole.length <= MAX_VALUE ? whole : `${whole.slice(0, MAX_VALUE)}…`;
}
