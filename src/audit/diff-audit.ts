import { askAudit } from "./ask-audit.ts";
import type { AuditReader } from "./audit-reader.ts";
import { AuditError } from "./audit-reader.ts";
import type { AuditView, ServiceView } from "./audit-view.ts";
import type { JsonDiff, JsonObject } from "./json-diff.ts";
import { diffJson } from "./json-diff.ts";
import type { Change } from "./list-changes.ts";
import { listChanges } from "./list-changes.ts";

/** Two times to be compared. */
export interface DifferenceQuestion {
  readonly fromMs: number;
  readonly toMs: number;
  readonly service?: string | undefined;
  /** What this node believed is compared; undefined: what was known. */
  readonly node?: string | undefined;
}

/** How services differ between two times. */
export interface AuditDifference {
  readonly from: string;
  readonly to: string;
  readonly notes: readonly string[];
  readonly services: readonly {
    readonly name: string;
    readonly kind: "new" | "changed" | "removed" | "same";
    readonly diff: JsonDiff | undefined;
  }[];
  /** What led there, in its order. */
  readonly changes: readonly Change[];
}

/** Without a name so many services are compared. */
const MOST_SERVICES = 1_000;

/** @throws AuditError in words for people, when the audit does not have it. */
export async function diffAudit(reader: AuditReader, question: DifferenceQuestion): Promise<AuditDifference> {
  const { fromMs, toMs, service, node } = question;
  const changes: Change[] = [];
  for await (const change of listChanges(reader, { sinceMs: fromMs, untilMs: toMs, service })) {
    if (Date.parse(change.at) > fromMs) changes.push(change);
  }
  const names = service === undefined ? changedServices(changes) : [service];
  const services: AuditDifference["services"][number][] = [];
  const notes = new Set<string>();
  for (const name of names) {
    const before = await ask(reader, { atMs: fromMs, service: name, node });
    const after = await ask(reader, { atMs: toMs, service: name, node });
    if (before === undefined && after === undefined)
      throw new AuditError(`no service "${name}" was known at either time`);
    for (const note of [...(before?.notes ?? []), ...(after?.notes ?? [])]) notes.add(note);
    const all = new Set([...(before?.services ?? []), ...(after?.services ?? [])].map((each) => each.name));
    for (const each of all)
      services.push(compare(each, stateOf(before, each, node), stateOf(after, each, node)));
  }
  return {
    from: new Date(fromMs).toISOString(),
    to: new Date(toMs).toISOString(),
    notes: [...notes],
    services,
    changes,
  };
}

function changedServices(changes: readonly Change[]): string[] {
  const names = new Set(changes.map(({ subject }) => subject).filter((subject) => !subject.includes(" ")));
  if (names.size > MOST_SERVICES)
    throw new AuditError(
      `${names.size} services changed, ${MOST_SERVICES} can be compared at once; name one with --service`,
    );
  return [...names].sort();
}

/** What is not there at a time is nothing to compare with, and no error. */
async function ask(
  reader: AuditReader,
  question: Parameters<typeof askAudit>[1],
): Promise<AuditView | undefined> {
  try {
    return await askAudit(reader, question);
  } catch (error) {
    if (error instanceof AuditError && error.message.startsWith("no service")) return undefined;
    throw error;
  }
}

function stateOf(
  view: AuditView | undefined,
  name: string,
  node: string | undefined,
): JsonObject | undefined {
  const service: ServiceView | undefined = view?.services.find((each) => each.name === name);
  if (node === undefined) return service?.known?.state;
  return service?.clients[0]?.believed ?? undefined;
}

function compare(
  name: string,
  before: JsonObject | undefined,
  after: JsonObject | undefined,
): AuditDifference["services"][number] {
  if (before === undefined || after === undefined) {
    const kind = before === after ? "same" : before === undefined ? "new" : "removed";
    return { name, kind, diff: undefined };
  }
  const diff = diffJson(before, after);
  return { name, kind: diff === undefined ? "same" : "changed", diff };
}
