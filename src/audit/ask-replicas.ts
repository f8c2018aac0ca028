import type { AuditQuestion } from "./ask-audit.ts";
import { askAudit } from "./ask-audit.ts";
import type { AuditReader } from "./audit-reader.ts";
import { AuditError } from "./audit-reader.ts";
import type { AuditView, ServiceLine, ServiceView } from "./audit-view.ts";
import type { Change, ChangesQuestion } from "./list-changes.ts";
import { listChanges } from "./list-changes.ts";

interface Answer {
  readonly reader: AuditReader;
  readonly view: AuditView;
}

/**
 * Asks the audits of several replicas, each of which has the clients that were connected to it. What a node believed says the replica that it was connected to last by then.
 *
 * @returns one answer; clients say which replica's they were.
 * @throws AuditError in words for people, when none of them has it.
 */
export async function askReplicas(
  readers: readonly AuditReader[],
  question: AuditQuestion,
): Promise<AuditView> {
  const [only, ...others] = readers;
  if (others.length === 0) return askAudit(only!, question);
  const answers = await askEach(readers, question);
  if (question.node === undefined) return merged(answers.map(({ view }) => view));
  const { view } = newest(answers);
  const note = `node ${question.node} was connected to ${view.replica}, of ${readers.length} replicas whose audits were read`;
  return { ...view, notes: [...view.notes, note] };
}

/** @returns the audit of the replica that a node was connected to last by a time; of several that can answer without a node the first. */
export async function readerOf(
  readers: readonly AuditReader[],
  question: Omit<AuditQuestion, "service">,
): Promise<AuditReader> {
  if (readers.length === 1) return readers[0]!;
  const answers = await askEach(readers, question);
  return question.node === undefined ? answers[0]!.reader : newest(answers).reader;
}

/** @returns changes of all replicas in the order of time, each with its replica where there are several. */
export async function* listReplicasChanges(
  readers: readonly AuditReader[],
  question: ChangesQuestion,
): AsyncGenerator<Change> {
  const lists = await Promise.all(
    readers.map(async (reader) => {
      const changes = listChanges(reader, question);
      const replica = reader.files.at(-1)!.replica;
      return { replica, changes, next: await changes.next() };
    }),
  );
  for (;;) {
    const left = lists.filter(({ next }) => next.done !== true);
    if (left.length === 0) return;
    const first = left.reduce((a, b) => (atOf(b.next) < atOf(a.next) ? b : a));
    const change = first.next.value as Change;
    yield readers.length === 1 ? change : { ...change, replica: first.replica };
    first.next = await first.changes.next();
  }
}

/** @throws AuditError when none of them can answer. */
async function askEach(readers: readonly AuditReader[], question: AuditQuestion): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  const reasons: string[] = [];
  for (const reader of readers) {
    try {
      answers.push({ reader, view: await askAudit(reader, question) });
    } catch (error) {
      if (!(error instanceof AuditError)) throw error;
      reasons.push(`${reader.folder}: ${error.message}`);
    }
  }
  if (answers.length === 0) throw new AuditError(reasons.join("; "));
  return answers;
}

/** A replica that was killed has streams that seem open: the newest stream is where the client was. */
function newest(answers: readonly Answer[]): Answer {
  const since = ({ view }: Answer): string => view.connected?.since ?? "";
  return answers.reduce((a, b) => (since(b) > since(a) ? b : a));
}

function merged(views: readonly AuditView[]): AuditView {
  const [furthest] = [...views].sort((a, b) => (a.newest < b.newest ? 1 : -1));
  return {
    ...furthest!,
    replica: views.map(({ replica }) => replica).join(", "),
    file: views.map(({ file }) => file).join(", "),
    notes: [
      ...views.flatMap(({ replica, notes }) => notes.map((note) => `${replica}: ${note}`)),
      ...differences(furthest!, views),
    ],
    services: byName(views.flatMap((view) => view.services.map((each) => [view, each] as const))),
    list: lines([furthest!, ...views]),
  };
}

/** Services with the clients of all replicas. What was known says the audit that goes furthest. */
function byName(all: readonly (readonly [AuditView, ServiceView])[]): ServiceView[] {
  const services = new Map<string, ServiceView>();
  const furthest = [...all].sort(([a], [b]) => (a.newest < b.newest ? 1 : -1));
  for (const [{ replica }, { name, known, clients }] of furthest) {
    const former = services.get(name);
    services.set(name, {
      name,
      known: former === undefined ? known : former.known,
      clients: [...(former?.clients ?? []), ...clients.map((client) => ({ ...client, replica }))],
    });
  }
  return [...services.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function lines(views: readonly AuditView[]): ServiceLine[] {
  const known = new Map<string, ServiceLine>();
  for (const { list } of views)
    for (const line of list) if (!known.has(line.name)) known.set(line.name, line);
  return [...known.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Replicas read the same cluster, but not at the same moment. */
function differences(furthest: AuditView, views: readonly AuditView[]): string[] {
  const text = (view: AuditView, name: string): string => {
    const known = view.services.find((each) => each.name === name)?.known ?? null;
    return known === null ? "null" : JSON.stringify(Object.entries(known.state.endpoints).sort());
  };
  return views.flatMap((view) =>
    furthest.services
      .filter(({ name }) => text(view, name) !== text(furthest, name))
      .map(
        ({ name }) =>
          `${view.replica} knew other endpoints of ${name} than ${furthest.replica}, up to ${view.newest}`,
      ),
  );
}

function atOf(next: IteratorResult<Change>): string {
  return (next.value as Change).at;
}
