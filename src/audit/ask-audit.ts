import type { AuditReader } from "./audit-reader.ts";
import { AuditError } from "./audit-reader.ts";
import type { AuditReplay } from "./audit-replay.ts";
import type { AuditView, ClientView, PartView, ServiceLine, ServiceView, VersionView } from "./audit-view.ts";
import type { ServiceHistory, ServiceVersion } from "./service-history.ts";
import { isService } from "./service-name.ts";
import type { ServicePart, ServiceState } from "./service-state.ts";
import type { Belief, StreamHistory } from "./stream-history.ts";

/** What is asked of an audit. */
export interface AuditQuestion {
  readonly atMs: number;
  /** As people name services; undefined: all, as a list. */
  readonly service?: string | undefined;
  /** A client's node; undefined: all. */
  readonly node?: string | undefined;
}

/** The name under which Envoys get the routes of all services. */
const ALL_ROUTES = "isobar";

/**
 * @returns what was known of services at a time, and what clients believed of them.
 * @throws AuditError in words for people, when the audit does not have it.
 */
export async function askAudit(reader: AuditReader, question: AuditQuestion): Promise<AuditView> {
  const { atMs, service, node } = question;
  const position = reader.fileAt(atMs);
  const [oldest] = reader.files;
  if (position < 0)
    throw new AuditError(
      `${iso(atMs)} is before the audit begins, at ${iso(oldest!.atMs)} (${oldest!.name})`,
    );
  const wants = (name: string): boolean => service !== undefined && couldBe(name, service);
  const options = { untilMs: atMs, wants };
  const replay = await reader.replay(position, options);
  const notes = gapNotes(reader, position, atMs, replay);
  const streams = await streamsAt(reader, position, replay, question, notes);
  const file = reader.files[position]!;
  const newest = iso(Math.min(replay.lastMs, atMs));
  const base = {
    at: iso(atMs),
    replica: file.replica,
    file: file.name,
    newest,
    ...(node === undefined ? {} : { connected: newestOf(streams) }),
  };
  if (service === undefined)
    return {
      ...base,
      notes,
      services: [],
      list: serviceLines(replay, node === undefined ? undefined : streams),
    };
  const names = [...replay.services].filter(([name, { versions }]) =>
    versions.some(({ state }) => isService(name, state?.authorities ?? [], service)),
  );
  if (names.length === 0)
    throw new AuditError(`no service "${service}" was known at ${iso(atMs)} or since ${iso(replay.headMs)}`);
  const services: ServiceView[] = [];
  for (const [name, history] of names.sort(([a], [b]) => (a < b ? -1 : 1)))
    services.push(await serviceView({ reader, replay, atMs }, name, history, streams, node !== undefined));
  return { ...base, notes, services, list: [] };
}

function newestOf(streams: readonly StreamHistory[]): NonNullable<AuditView["connected"]> {
  const { sinceMs, endedMs } = streams.reduce((a, b) => (b.sinceMs > a.sinceMs ? b : a));
  return { since: iso(sinceMs), ended: time(endedMs) };
}

interface Place {
  readonly reader: AuditReader;
  readonly replay: AuditReplay;
  readonly atMs: number;
}

/** What is asked for by an authority may be any service. */
function couldBe(name: string, wanted: string): boolean {
  return isService(name, [], wanted) || !wanted.includes("/");
}

function gapNotes(reader: AuditReader, position: number, atMs: number, replay: AuditReplay): string[] {
  const { lastMs, endedMs } = replay;
  const next = reader.files[position + 1];
  if (next === undefined && endedMs !== undefined)
    return [`the control plane was stopped at ${iso(endedMs)}: this is how things were then`];
  if (next?.gapSinceMs !== undefined && next.gapSinceMs <= atMs)
    return [
      `nothing could be written from ${iso(next.gapSinceMs)} to ${iso(next.atMs)}: this is how things were before`,
    ];
  const wasSilent = next !== undefined && next.process !== reader.files[position]!.process && atMs > lastMs;
  if (wasSilent)
    return [
      `nobody wrote from ${iso(lastMs)} to ${iso(next.atMs)}, when the control plane was started again: this is how things were before`,
    ];
  return [];
}

/** @returns the streams of the node, or all that were open. Looks into earlier files for a node that is not in this one. */
async function streamsAt(
  reader: AuditReader,
  position: number,
  replay: AuditReplay,
  { atMs, node }: AuditQuestion,
  notes: string[],
): Promise<StreamHistory[]> {
  const open = [...replay.streams.values()].filter(({ endedMs }) => endedMs === undefined);
  if (node === undefined) return open;
  const ofNode = [...replay.streams.values()].filter(({ record }) => record.node === node);
  if (ofNode.length > 0) return ofNode;
  for (let earlier = position - 1; earlier >= 0; earlier--) {
    const before = await reader.replay(earlier, { untilMs: atMs, wants: () => false }).catch(() => undefined);
    const found = [...(before?.streams.values() ?? [])].filter(({ record }) => record.node === node);
    if (found.length === 0) continue;
    notes.push(
      `node ${node} was not connected in ${reader.files[position]!.name}; this is what it believed when it was last heard of, in ${reader.files[earlier]!.name}`,
    );
    for (const stream of found) stream.endedMs ??= reader.files[earlier + 1]!.atMs;
    return found;
  }
  const known = [...new Set(open.map(({ record }) => record.node))].sort().slice(0, 20).join(", ");
  throw new AuditError(
    `node "${node}" had not connected by ${iso(atMs)}; connected were: ${known || "none"}`,
  );
}

/** Each client with its newest stream, and those it had before. A client that is connected hides what it was before. */
function clientsOf(
  streams: readonly StreamHistory[],
): { readonly stream: StreamHistory; readonly former: StreamHistory[] }[] {
  const groups = new Map<string, StreamHistory[]>();
  for (const stream of streams) {
    const { node, client, agent } = stream.record;
    const key = `${node} ${client} ${agent}`;
    groups.set(key, [...(groups.get(key) ?? []), stream]);
  }
  return [...groups.values()].flatMap((group) => {
    const ordered = group.sort((a, b) => b.sinceMs - a.sinceMs);
    const open = ordered.filter(({ endedMs }) => endedMs === undefined);
    const shown = open.length > 0 ? open : ordered.slice(0, 1);
    return shown.map((stream) => ({
      stream,
      former: ordered.filter((each) => each.sinceMs < stream.sinceMs && each.endedMs !== undefined),
    }));
  });
}

async function serviceView(
  place: Place,
  name: string,
  history: ServiceHistory,
  streams: readonly StreamHistory[],
  isDetailed: boolean,
): Promise<ServiceView> {
  const newest = history.newest;
  const clients: ClientView[] = [];
  for (const { stream, former } of clientsOf(streams)) {
    const found = beliefsOf(stream, former, name, history);
    if (!isDetailed && !found.some(({ belief }) => belief !== undefined)) continue;
    const parts: PartView[] = [];
    for (const each of found) parts.push(await partView(place, history, each));
    clients.push({
      ...clientHead(stream),
      parts,
      believed: await believed(place, name, history, found),
    });
  }
  const known = newest?.state === undefined ? null : { ...versionView(newest), state: newest.state };
  return { name, known, clients };
}

interface FoundBelief {
  readonly part: ServicePart;
  readonly name: string;
  readonly belief: Belief | undefined;
  readonly isFromFormerStream: boolean;
}

/** @returns what a client believed of each part, in the order in which one leads to the other. */
function beliefsOf(
  stream: StreamHistory,
  former: readonly StreamHistory[],
  name: string,
  { versions }: ServiceHistory,
): FoundBelief[] {
  const find = (part: ServicePart, resource: string): FoundBelief => {
    const belief = stream.belief(part, resource);
    if (belief !== undefined || stream.beganParts.has(part))
      return { part, name: resource, belief, isFromFormerStream: false };
    const before = former
      .map((each) => each.belief(part, resource))
      .find((each) => each?.accepted !== undefined);
    return { part, name: resource, belief: before, isFromFormerStream: before !== undefined };
  };
  const authorities = new Set(versions.flatMap(({ state }) => state?.authorities ?? []));
  const listeners = [...authorities]
    .map((each) => find("listener", each))
    .filter(({ belief }) => belief !== undefined);
  const routes = [find("routes", name), find("routes", ALL_ROUTES)];
  const [own, all] = routes as [FoundBelief, FoundBelief];
  return [
    ...listeners,
    own.belief === undefined && all.belief !== undefined ? all : own,
    find("cluster", name),
    find("endpoints", name),
  ];
}

async function partView(place: Place, history: ServiceHistory, found: FoundBelief): Promise<PartView> {
  const { part, name, belief, isFromFormerStream } = found;
  const { accepted, underWay, refused } = belief ?? {};
  const of = accepted === undefined ? 0 : originOf(place, found);
  const version = of === 0 ? undefined : await versionAfter(place, history, of, part);
  const state =
    accepted === undefined ? "unknown" : accepted.version === "" ? "absent" : STATES[accepted.how];
  return {
    part,
    name,
    state,
    version: accepted?.version ?? "",
    sent: time(accepted?.sentMs),
    accepted: time(accepted?.answeredMs),
    of: version === undefined || state === "absent" ? undefined : versionView(version),
    underWay:
      underWay === undefined
        ? undefined
        : { version: underWay.version, sent: time(underWay.sentMs)!, answered: time(underWay.answeredMs) },
    refused:
      refused === undefined
        ? undefined
        : { version: refused.version, at: time(refused.answeredMs)!, message: refused.message },
    behind: state === "unknown" || of === 0 ? [] : history.changesAfter(of, part).map(versionView),
    isFromFormerStream,
  };
}

const STATES = { told: "accepted", kept: "brought", held: "held" } as const;

function originOf({ replay }: Place, { part, name, belief }: FoundBelief): number {
  const { accepted } = belief!;
  if (accepted!.of > 0) return accepted!.of;
  return replay.originOf(part, name, accepted!.version);
}

/** @returns the service as it was after a record, from an earlier file if need be; undefined when that has been deleted. */
async function versionAfter(
  { reader, replay, atMs }: Place,
  history: ServiceHistory,
  of: number,
  part: ServicePart,
): Promise<ServiceVersion | undefined> {
  const here = history.after(of, part);
  if (here !== undefined) return here;
  const name = [...replay.services].find(([, each]) => each === history)![0];
  for (const position of reader.filesOf(of)) {
    if (reader.files[position]!.atMs >= replay.headMs) continue;
    const before = await reader
      .replay(position, { untilMs: atMs, wants: (each) => each === name })
      .catch(() => undefined);
    const found = before?.services.get(name)?.after(of, part);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** What the parts come to: the endpoints it was told of, the settings, the routes. */
async function believed(
  place: Place,
  _name: string,
  history: ServiceHistory,
  found: readonly FoundBelief[],
): Promise<Partial<ServiceState> | null | undefined> {
  const stateOf = async (part: ServicePart): Promise<ServiceState | null | undefined> => {
    const each = found.find((other) => other.part === part);
    const accepted = each?.belief?.accepted;
    if (each === undefined || accepted === undefined || accepted.version === "") return null;
    const of = originOf(place, each);
    return of === 0 ? undefined : (await versionAfter(place, history, of, part))?.state;
  };
  const [cluster, endpoints, routes] = [
    await stateOf("cluster"),
    await stateOf("endpoints"),
    await stateOf("routes"),
  ];
  if (cluster === null && endpoints === null) return null;
  if (cluster === undefined && endpoints === undefined) return undefined;
  return {
    ...(cluster == null ? {} : { cluster: cluster.cluster }),
    ...(routes == null ? {} : { routes: routes.routes }),
    ...(endpoints == null ? {} : { endpoints: endpoints.endpoints }),
  };
}

function serviceLines(replay: AuditReplay, streams: readonly StreamHistory[] | undefined): ServiceLine[] {
  const lines: ServiceLine[] = [];
  const clients = streams === undefined ? undefined : clientsOf(streams);
  for (const [name, history] of replay.services) {
    const { newest } = history;
    if (newest === undefined) continue;
    const line = {
      name,
      record: newest.n,
      since: iso(newest.atMs),
      endpoints: newest.isGone ? 0 : newest.endpointCount,
    };
    if (clients === undefined) {
      if (!newest.isGone) lines.push(line);
      continue;
    }
    for (const { stream, former } of clients) {
      const found = beliefsOf(stream, former, name, history).find(({ part }) => part === "endpoints")!;
      const accepted = found.belief?.accepted;
      if (found.belief === undefined || accepted?.version === "") continue;
      const of =
        accepted === undefined ? 0 : accepted.of || replay.originOf("endpoints", name, accepted.version);
      lines.push({
        ...line,
        believedEndpoints: of === 0 ? undefined : history.after(of, "endpoints")?.endpointCount,
        isBehind: of > 0 && history.changesAfter(of, "endpoints").length > 0,
      });
    }
  }
  return lines.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function clientHead({ record, endedMs }: StreamHistory): Omit<ClientView, "parts" | "believed"> {
  const { node, client, transport, peer, agent, region, zone, stream, since } = record;
  return { node, client, transport, peer, agent, region, zone, stream, since, ended: time(endedMs) };
}

function versionView({ n, atMs, cause }: ServiceVersion): VersionView {
  return { record: n, since: iso(atMs), cause };
}

function time(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : iso(ms);
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
