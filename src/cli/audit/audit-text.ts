import type {
  AuditView,
  ClientView,
  PartView,
  ServiceLine,
  ServiceView,
  VersionView,
} from "../../audit/audit-view.ts";
import type { EndpointState, ServiceState } from "../../audit/service-state.ts";
import type { ChangeCause } from "../../resource/service.ts";

/** Versions that are shown of those that a client lacks. */
const MOST_BEHIND = 5;

/** @returns what the audit says of a time, as tables for people. */
export function auditText(view: AuditView): string {
  const head = `at ${view.at}, from ${view.file} of ${view.replica}, up to its record of ${view.newest}\n`;
  const notes = view.notes.map((note) => `note: ${note}\n`).join("");
  const services = view.services.map(serviceText).join("\n");
  const list = view.list.length === 0 ? "" : listText(view.list);
  const nothing = view.services.length + view.list.length === 0 ? "no services\n" : "";
  return `${head}${notes}\n${services}${list}${nothing}`;
}

/** @returns who or what made a version, in one line. */
export function causeText(cause: ChangeCause | undefined): string {
  if (cause === undefined) return "cause not known";
  const { object, verb, resourceVersion, fieldManager } = cause;
  const by = fieldManager === "" ? "" : ` by ${fieldManager}`;
  return `${object} ${verb}${by}${resourceVersion === "" ? "" : `, resourceVersion ${resourceVersion}`}`;
}

/** Columns as wide as their widest cell. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => cell.padEnd(widths[column]!)).join("  ");
  return rows.map((row) => `${line(row).trimEnd()}\n`).join("");
}

function serviceText({ name, known, clients }: ServiceView): string {
  const parts = [
    known === null
      ? `${name} did not exist\n`
      : `${name}, known: record ${known.record} since ${known.since}, ${endpointsText(known.state)}\n  ${causeText(known.cause)}\n`,
  ];
  if (clients.length === 1) parts.push(clientText(clients[0]!, known?.state));
  else if (clients.length > 1) parts.push(clientsText(clients));
  else if (known !== null)
    parts.push("no client had been told of it\n", endpointTable(known.state.endpoints));
  return parts.join("\n");
}

function clientText(client: ClientView, known: ServiceState | undefined): string {
  const { node, client: kind, peer, region, zone, stream, since, ended, parts, believed } = client;
  const place = [region, zone].filter((each) => each !== "").join("/");
  const end = ended === undefined ? "" : `, ended ${ended}: it goes on with what it had`;
  const head = `node ${node} (${kind} at ${peer}${place === "" ? "" : `, ${place}`}, stream ${stream} since ${since}${end}) believed:\n`;
  const rows = parts.map((part) => [`  ${part.part}`, part.state, part.version || "-", partTimes(part)]);
  const behind = parts.flatMap((part) => partNotes(part));
  const endpoints =
    believed === null
      ? "it did not know the service\n"
      : believed === undefined
        ? "what that version says was recorded in a file that is gone, or by another replica\n"
        : sameEndpoints(believed.endpoints, known?.endpoints)
          ? endpointTable(believed.endpoints ?? {})
          : `${endpointTable(believed.endpoints ?? {})}\nknown then, but not believed by it:\n${differenceText(believed.endpoints ?? {}, known?.endpoints ?? {})}`;
  return `${head}${table([["  PART", "STATE", "VERSION", "WHEN"], ...rows])}${behind.join("")}\n${endpoints}`;
}

function partTimes({ sent, accepted, of, isFromFormerStream }: PartView): string {
  const when =
    accepted === undefined ? "" : sent === undefined ? accepted : `sent ${sent}, accepted ${accepted}`;
  const record = of === undefined ? "" : `record ${of.record}`;
  const former = isFromFormerStream ? "on its former stream" : "";
  return [record, when, former].filter((each) => each !== "").join(", ");
}

function partNotes({ part, underWay, refused, behind }: PartView): string[] {
  const notes: string[] = [];
  if (underWay !== undefined) {
    const { version, sent, answered } = underWay;
    notes.push(
      `  ${part}: ${version || "its removal"} was under way since ${sent}, ${answered === undefined ? "and was not answered" : `answered ${answered}`}: it may have been in force already\n`,
    );
  }
  if (refused !== undefined)
    notes.push(`  ${part}: refused ${refused.version} at ${refused.at}: ${refused.message}\n`);
  for (const version of behind.slice(0, MOST_BEHIND)) notes.push(`  ${part}: ${behindText(version)}\n`);
  if (behind.length > MOST_BEHIND) notes.push(`  ${part}: and ${behind.length - MOST_BEHIND} more\n`);
  return notes;
}

function behindText({ record, since, cause }: VersionView): string {
  return `not yet record ${record}, known since ${since}: ${causeText(cause)}`;
}

function clientsText(clients: readonly ClientView[]): string {
  const areSeveral = clients.some(({ replica }) => replica !== undefined);
  const rows = clients.map(({ node, client, stream, parts, believed, ended, replica = "-" }) => {
    const endpoints = parts.find(({ part }) => part === "endpoints")!;
    const count = believed?.endpoints === undefined ? "-" : `${Object.keys(believed.endpoints).length}`;
    const behind = parts.some((part) => part.behind.length > 0);
    const refused = parts.some((part) => part.refused !== undefined);
    const state = [
      endpoints.state,
      behind ? "behind" : "",
      refused ? "refused" : "",
      ended === undefined ? "" : "gone",
    ];
    const record = endpoints.of === undefined ? "-" : `${endpoints.of.record}`;
    return [
      node || "-",
      client,
      `${stream}`,
      record,
      endpoints.version || "-",
      count,
      endpoints.accepted ?? "-",
      ...(areSeveral ? [replica] : []),
      state.filter((each) => each !== "").join(", "),
    ];
  });
  return table([
    [
      ...["NODE", "CLIENT", "STREAM", "RECORD", "VERSION", "ENDPOINTS", "ACCEPTED"],
      ...(areSeveral ? ["REPLICA"] : []),
      "STATE",
    ],
    ...rows,
  ]);
}

function listText(list: readonly ServiceLine[]): string {
  const believes = list.some(({ isBehind }) => isBehind !== undefined);
  const rows = list.map(({ name, record, since, endpoints, believedEndpoints, isBehind }) => [
    name,
    `${record}`,
    since,
    `${endpoints}`,
    ...(believes
      ? [believedEndpoints === undefined ? "-" : `${believedEndpoints}`, isBehind ? "yes" : "no"]
      : []),
  ]);
  return table([
    ["SERVICE", "RECORD", "SINCE", "ENDPOINTS", ...(believes ? ["BELIEVED", "BEHIND"] : [])],
    ...rows,
  ]);
}

function endpointsText({ endpoints }: ServiceState): string {
  const count = Object.keys(endpoints).length;
  return `${count} endpoint${count === 1 ? "" : "s"}`;
}

function endpointTable(endpoints: Readonly<Record<string, EndpointState>>): string {
  const rows = Object.entries(endpoints).map(([identity, endpoint]) => endpointCells(identity, endpoint));
  if (rows.length === 0) return "no endpoints\n";
  return table([["ENDPOINT", "IDENTITY", "ZONE", "NODE", "WEIGHT", "HEALTH"], ...rows]);
}

function endpointCells(identity: string, endpoint: EndpointState): string[] {
  const { address, port, zone = "-", node = "-", weight = 1, health = "healthy" } = endpoint;
  const host = address.includes(":") ? `[${address}]` : address;
  return [`${host}:${port}`, identity.split("|")[0]!, zone, node, `${weight}`, health];
}

function sameEndpoints(
  a: ServiceState["endpoints"] | undefined,
  b: ServiceState["endpoints"] | undefined,
): boolean {
  return JSON.stringify(Object.entries(a ?? {}).sort()) === JSON.stringify(Object.entries(b ?? {}).sort());
}

function differenceText(believed: ServiceState["endpoints"], known: ServiceState["endpoints"]): string {
  const rows: string[][] = [];
  for (const [identity, endpoint] of Object.entries(known)) {
    const same = JSON.stringify(believed[identity]) === JSON.stringify(endpoint);
    if (!same)
      rows.push([believed[identity] === undefined ? "+" : "~", ...endpointCells(identity, endpoint)]);
  }
  for (const [identity, endpoint] of Object.entries(believed))
    if (known[identity] === undefined) rows.push(["-", ...endpointCells(identity, endpoint)]);
  return table([["", "ENDPOINT", "IDENTITY", "ZONE", "NODE", "WEIGHT", "HEALTH"], ...rows]);
}
