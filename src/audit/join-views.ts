import type { AuditView, ServiceLine, ServiceView } from "./audit-view.ts";

/**
 * Makes one answer of those of several replicas, each of which has the clients that were connected to it. What a node believed says the replica that it was connected to last by then.
 *
 * @param views at least one. @param node the one that was asked for; undefined: all. @param replicas how many were asked.
 */
export function joinViews(
  views: readonly AuditView[],
  node: string | undefined,
  replicas: number,
): AuditView {
  if (replicas === 1) return views[0]!;
  if (node === undefined) return merged(views);
  const view = newestOf(views, (each) => each);
  const note = `node ${node} was connected to ${view.replica}, of ${replicas} replicas whose audits were read`;
  return { ...view, notes: [...view.notes, note] };
}

/** A replica that was killed has streams that seem open: the newest stream is where the client was. */
export function newestOf<T>(answers: readonly T[], viewOf: (answer: T) => AuditView): T {
  const since = (answer: T): string => viewOf(answer).connected?.since ?? "";
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
