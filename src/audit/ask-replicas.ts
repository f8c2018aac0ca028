import type { AuditQuestion } from "./ask-audit.ts";
import { askAudit } from "./ask-audit.ts";
import type { AuditReader } from "./audit-reader.ts";
import { AuditError } from "./audit-reader.ts";
import type { AuditView } from "./audit-view.ts";
import { joinViews, newestOf } from "./join-views.ts";
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
  return joinViews(
    answers.map(({ view }) => view),
    question.node,
    readers.length,
  );
}

/** @returns the audit of the replica that a node was connected to last by a time; of several that can answer without a node the first. */
export async function readerOf(
  readers: readonly AuditReader[],
  question: Omit<AuditQuestion, "service">,
): Promise<AuditReader> {
  if (readers.length === 1) return readers[0]!;
  const answers = await askEach(readers, question);
  return question.node === undefined ? answers[0]!.reader : newestOf(answers, ({ view }) => view).reader;
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

function atOf(next: IteratorResult<Change>): string {
  return (next.value as Change).at;
}
