import type { Families, TableContent } from "./table-content.ts";

/** How long the kernel holds what is not refreshed, in milliseconds; a failed proxy is bypassed within 3 s. */
export const HOLD_MS = 2600;
/** How long callers that fail closed are refused after the last word of a proxy, in seconds. */
export const CLOSED_SECONDS = 600;

/** The parts of the gate; they hold for the time given and must be renewed. */
export interface Gate {
  /** How long new connections go to the current generation, milliseconds from now; 0: not at all. */
  readonly openMs: number;
  /** By private port, how long established connections of a generation are let alive, milliseconds from now. */
  readonly aliveMs: ReadonlyMap<number, number>;
}

/**
 * The gate's sets are there twice, and what is in either counts. Only one of the two is renewed at a time: kernels before 6.17 may miss an element
 * of a set for a moment while it is emptied and filled, although that is one transaction, and what is missed here is a connection past the
 * proxy, or one that is reset.
 */
export type Half = "" | "2";

/** A connection that went past the proxy, as its client sees it. */
export interface Flow {
  readonly family: 4 | 6;
  readonly source: string;
  readonly sourcePort: number;
  readonly address: string;
  readonly port: number;
}

const FAMILIES = [
  { family: 4, ip: "ip", type: "ipv4_addr" },
  { family: 6, ip: "ip6", type: "ipv6_addr" },
] as const;
const HALVES = ["", "2"] as const;
const SETS = ["anyIp", "canary", "stable", "doors", "services", "captured", "callers"] as const;
/** Most elements of the sets that packets fill. */
const MOST_FLOWS = 65_536;
/** Octets up to which a segment is certainly without data: IP and TCP headers with a timestamp. */
const EMPTY_SEGMENT_OCTETS = { 4: 52, 6: 72 } as const;

/**
 * The whole table in one transaction: it takes the place of what stood there, whoever made that. Connections that were
 * translated before stay translated, since that is known to conntrack and not to the table.
 */
export function wholeTable(table: string, content: TableContent, gate: Gate): string {
  const alive = elements([...gate.aliveMs].map(([port, ms]) => `${port} timeout ${ms}ms`));
  const open = elements(gate.openMs > 0 ? [`tcp timeout ${gate.openMs}ms`] : []);
  const halves = (line: (half: Half) => string): string => HALVES.map(line).join("");
  return `add table inet ${table}
delete table inet ${table}
table inet ${table} {
  counter dialled { comment "connections that captured pods began, to anywhere"; }
  counter captured { comment "connections led to the proxy"; }
  counter carried { comment "packets of connections at the proxy"; }
  counter past { comment "connections of captured pods that began past the proxy, because the gate was closed"; }
  counter refused { comment "connections of pods that fail closed, while no proxy works"; }
  counter hung { comment "packets answered with a reset because their proxy does not work"; }
  counter bypassing { comment "packets of connections that went past the proxy"; }
  counter reclaimed { comment "packets answered with a reset so that their connection comes back through the proxy"; }
${halves((half) => `  set open${half} { type inet_proto; flags timeout; ${open}}\n  set alive${half} { type inet_service; flags timeout; ${alive}}\n`)}${FAMILIES.map((each) => familySets(content, each)).join("")}
  chain watch {
    type filter hook prerouting priority mangle; policy accept;
    ip saddr @callers4 goto watch4
    ip6 saddr @callers6 goto watch6
  }
  chain lead {
${FAMILIES.map(
  ({ family, ip }) => `    dnat ${ip} to ${ip} daddr . tcp dport map @doors${family}
    ${ip} saddr @callers${family} ${ip} daddr . tcp dport @captured${family} counter name captured dnat ${ip} to ${ip} daddr . tcp dport map @services${family}
`,
).join("")}  }
  chain capture {
    type nat hook prerouting priority dstnat - 10; policy accept;
${halves((half) => `    meta l4proto @open${half} jump lead\n`)}${refusals(content)}${FAMILIES.map(
  ({ family, ip }) =>
    `    ${ip} saddr @callers${family} ${ip} daddr . tcp dport @captured${family} counter name past\n`,
).join("")}  }
  chain guard {
    type filter hook input priority filter - 10; policy accept;
    ip daddr @anyip4 goto guard4
    ip6 daddr @anyip6 goto guard6
    ip daddr @stable4 meta l4proto tcp reject with tcp reset
    ip6 daddr @stable6 meta l4proto tcp reject with tcp reset
  }
}
`;
}

/** What changes from one content to the next, in one transaction; "" when nothing does. Sets of which most changes are replaced whole. */
export function contentChange(table: string, before: TableContent, after: TableContent): string {
  const parts: string[] = [];
  for (const { family } of FAMILIES)
    for (const name of SETS) {
      const set = `inet ${table} ${setName(name)}${family}`;
      const kind = name === "doors" || name === "services" ? "map" : "set";
      parts.push(setChange(kind, set, before[name][family], after[name][family]));
    }
  return parts.join("");
}

function setChange(kind: string, set: string, before: readonly string[], after: readonly string[]): string {
  if (before === after) return "";
  const [had, has] = [new Set(before), new Set(after)];
  const gone = before.filter((each) => !has.has(each));
  const added = after.filter((each) => !had.has(each));
  if (gone.length + added.length === 0) return "";
  const add = (list: readonly string[]): string =>
    list.length > 0 ? `add element ${set} { ${list.join(",\n")} }\n` : "";
  // Many elements take nft time and memory: 5,000 of both families a second and 34 MB.
  if (gone.length + added.length > after.length) return `flush ${kind} ${set}\n${add(after)}`;
  const keys = gone.map((each) => each.split(" : ")[0]!);
  return `${keys.length > 0 ? `delete element ${set} { ${keys.join(",\n")} }\n` : ""}${add(added)}`;
}

/** Renews callers that fail closed; they are timed, so that addresses do not stay refused when nobody tends the table. */
export function renewClosed(table: string, closed: Families): string {
  return FAMILIES.map(({ family }) => {
    const set = `inet ${table} closed${family}`;
    const timed = closed[family].map((each) => `${each} timeout ${CLOSED_SECONDS}s`);
    return `flush set ${set}\n${timed.length > 0 ? `add element ${set} { ${timed.join(",\n")} }\n` : ""}`;
  }).join("");
}

/**
 * Renews one half of the gate; the other one holds meanwhile. A gate that is closed for new connections is so in both at once.
 *
 * Adding an element that is there does not renew its time (Linux 6.18), and deleting one that has run out is an error: so sets are emptied and
 * filled in one transaction.
 */
export function renewGate(table: string, gate: Gate, half: Half): string {
  const open =
    gate.openMs > 0
      ? `flush set inet ${table} open${half}\nadd element inet ${table} open${half} { tcp timeout ${gate.openMs}ms }\n`
      : HALVES.map((each) => `flush set inet ${table} open${each}\n`).join("");
  const ports = [...gate.aliveMs].map(([port, ms]) => `${port} timeout ${ms}ms`);
  const alive = ports.length > 0 ? `add element inet ${table} alive${half} { ${ports.join(", ")} }\n` : "";
  return `${open}flush set inet ${table} alive${half}\n${alive}`;
}

/** Has these flows reset: at once those that are `firm`, others by a packet without data, when nothing is under way. */
export function resetFlows(table: string, flows: readonly Flow[], firm: boolean): string {
  return FAMILIES.map(({ family }) => {
    const keys = flows.filter((flow) => flow.family === family).map(flowKey);
    if (keys.length === 0) return "";
    const set = `inet ${table} ${firm ? "firm" : "gentle"}${family}`;
    return `add element ${set} { ${keys.join(",\n")} }\n`;
  }).join("");
}

/** A flow as the sets' key. */
export function flowKey(flow: Flow): string {
  return `${flow.source} . ${flow.sourcePort} . ${flow.address} . ${flow.port}`;
}

/** What a table is left as when nobody tends it any more: callers that fail closed are refused a while, others are free. */
export function restingTable(table: string, content: TableContent): string {
  const none = { 4: [], 6: [] };
  return wholeTable(
    table,
    { ...content, stable: none, doors: none, services: none, callers: none, anyIp: none },
    { openMs: 0, aliveMs: new Map() },
  );
}

function familySets(content: TableContent, { family, ip, type }: (typeof FAMILIES)[number]): string {
  const pair = `${type} . inet_service`;
  const tuple = `${ip} saddr . tcp sport . ${ip} daddr . tcp dport`;
  const closed = content.closed[family].map((each) => `${each} timeout ${CLOSED_SECONDS}s`);
  return `  set anyip${family} { type ${type}; flags interval; auto-merge; ${elements(content.anyIp[family])}}
  set canary${family} { type ${type}; ${elements(content.canary[family])}}
  set stable${family} { type ${type}; ${elements(content.stable[family])}}
  set callers${family} { type ${type}; ${elements(content.callers[family])}}
  set closed${family} { type ${type}; flags timeout; ${elements(closed)}}
  set captured${family} { type ${pair}; ${elements(content.captured[family])}}
  map doors${family} { type ${pair} : ${pair}; ${elements(content.doors[family])}}
  map services${family} { type ${pair} : ${pair}; ${elements(content.services[family])}}
  set bypassed${family} { type ${pair} . ${pair}; size ${MOST_FLOWS}; flags dynamic,timeout; timeout 15m; }
  set gentle${family} { type ${pair} . ${pair}; size ${MOST_FLOWS}; flags timeout; timeout 5s; }
  set firm${family} { type ${pair} . ${pair}; size ${MOST_FLOWS}; flags timeout; timeout 5s; }
  chain watch${family} {
    meta l4proto != tcp accept
    tcp flags & (fin | syn | rst | ack) == syn counter name dialled accept
    ${ip} daddr . tcp dport @captured${family} ct state established ct reply ${ip} saddr != @anyip${family} goto bypass${family}
  }
  chain bypass${family} {
    tcp flags & (fin | rst) != 0 delete @bypassed${family} { ${tuple} } accept
    ${tuple} @firm${family} goto reclaim${family}
    ${tuple} @gentle${family} meta length <= ${EMPTY_SEGMENT_OCTETS[family]} goto reclaim${family}
    counter name bypassing update @bypassed${family} { ${tuple} }
  }
  chain reclaim${family} {
    counter name reclaimed delete @bypassed${family} { ${tuple} } reject with tcp reset
  }
  chain guard${family} {
    ${ip} daddr @canary${family} iif "lo" accept
    ct state related accept comment "such as that a packet was too big"
    meta l4proto != tcp drop
${HALVES.map((half) => `    ct status dnat tcp dport @alive${half} counter name carried accept\n`).join("")}    counter name hung reject with tcp reset
  }
`;
}

/** A nat chain cannot reject: refused connections are led to the canary's address, where the guard resets them. */
function refusals(content: TableContent): string {
  return FAMILIES.map(({ family, ip }) => {
    const [sink] = content.canary[family];
    if (sink === undefined) return "";
    return `    ${ip} saddr @closed${family} ${ip} daddr . tcp dport @captured${family} counter name refused dnat ${ip} to ${sink === undefined || family === 4 ? sink : `[${sink}]`}:9\n`;
  }).join("");
}

function elements(list: readonly string[]): string {
  return list.length === 0 ? "" : `elements = { ${list.join(",\n    ")} }; `;
}

function setName(name: (typeof SETS)[number]): string {
  return name === "anyIp" ? "anyip" : name;
}
