import { isIPv4, isIPv6 } from "node:net";

/** One family's addresses of something that has one in each; "" where there is none. */
export interface FamilyPair {
  readonly ipv4: string;
  readonly ipv6: string;
}

/** A captured service, and the number a connection to it is given. */
export interface PlannedService {
  /** Canonical name; never part of what is handed to nft. */
  readonly service: string;
  /** ClusterIPs. */
  readonly addresses: readonly string[];
  /** 1 to 65,535. */
  readonly port: number;
  /** Where the proxy takes its connections; "" in a family without. */
  readonly anyIp: FamilyPair;
}

/** A pod of this node by what capture has to know of it. */
export interface PlannedCaller {
  readonly addresses: readonly string[];
  /** Whether its connections are captured. */
  readonly transparent: boolean;
  readonly failClosed: boolean;
  readonly reclaim: boolean;
}

/** An address at which pods find the proxy when they ask for it by name. */
export interface Entry {
  readonly address: string;
  readonly port: number;
}

/** What one generation of the proxy wants captured: its `plan.json`, checked. */
export interface Plan {
  /** Hash of the content. */
  readonly version: string;
  readonly services: readonly PlannedService[];
  readonly callers: readonly PlannedCaller[];
  readonly entries: readonly Entry[];
  /** The ranges that the proxy takes connections from, in CIDR notation. */
  readonly ranges: FamilyPair;
  /** Where connections to `entries` lead. */
  readonly door: FamilyPair;
  /** Where the canary comes in. */
  readonly canary: FamilyPair;
}

const RANGES: FamilyPair = { ipv4: "240.18.0.0/16", ipv6: "fd00:77::/64" };
const DOOR: FamilyPair = { ipv4: "240.18.255.1", ipv6: "fd00:77::ff01" };
const CANARY: FamilyPair = { ipv4: "240.18.255.2", ipv6: "fd00:77::ff02" };

type Json = Readonly<Record<string, unknown>>;

/**
 * Reads and checks a plan. Whoever can write the proxy's files must not be able to write firewall rules by them: every
 * address is one, every port is a number, and nothing else of a plan gets into the text for nft.
 *
 * @throws RangeError that says where what was found and what was wanted.
 */
export function parsePlan(text: string): Plan {
  const plan = record(JSON.parse(text), "plan");
  if (plan["format"] !== 1) throw new RangeError(`format: found ${show(plan["format"])}, wanted 1`);
  return {
    version: word(plan["version"], "version"),
    services: list(plan["services"], "services").map(readService),
    callers: list(plan["callers"], "callers").map(readCaller),
    entries: list(plan["entries"], "entries").map((each, i) => {
      const entry = record(each, `entries[${i}]`);
      const at = `entries[${i}]`;
      return {
        address: address(entry["address"], `${at}.address`),
        port: portNumber(entry["port"], `${at}.port`),
      };
    }),
    ranges: readRanges(plan["anyIp"]),
    door: readPair(plan["door"], "door", DOOR),
    canary: readPair(plan["canary"], "canary", CANARY),
  };
}

function readService(each: unknown, i: number): PlannedService {
  const at = `services[${i}]`;
  const service = record(each, at);
  return {
    service: word(service["service"], `${at}.service`),
    addresses: list(service["addresses"], `${at}.addresses`).map((a) => address(a, `${at}.addresses`)),
    port: portNumber(service["port"], `${at}.port`),
    anyIp: readPair({ ipv4: service["anyIp4"], ipv6: service["anyIp6"] }, `${at}.anyIp`, DOOR),
  };
}

function readCaller(each: unknown, i: number): PlannedCaller {
  const at = `callers[${i}]`;
  const caller = record(each, at);
  return {
    addresses: list(caller["addresses"], `${at}.addresses`).map((a) => address(a, `${at}.addresses`)),
    transparent: caller["mode"] === "transparent",
    failClosed: caller["failClosed"] === true,
    reclaim: caller["reclaim"] !== false,
  };
}

function readPair(value: unknown, at: string, fallback: FamilyPair): FamilyPair {
  if (value === undefined) return fallback;
  const { ipv4 = "", ipv6 = "" } = record(value, at);
  if (ipv4 !== "" && !isIPv4(address(ipv4, `${at}.ipv4`)))
    throw new RangeError(`${at}.ipv4: found ${show(ipv4)}, wanted an IPv4 address or ""`);
  if (ipv6 !== "" && !isIPv6(address(ipv6, `${at}.ipv6`)))
    throw new RangeError(`${at}.ipv6: found ${show(ipv6)}, wanted an IPv6 address or ""`);
  return { ipv4: ipv4 as string, ipv6: ipv6 as string };
}

function readRanges(value: unknown): FamilyPair {
  if (value === undefined) return RANGES;
  const { ipv4 = "", ipv6 = "" } = record(value, "anyIp");
  for (const [range, is, most] of [
    [ipv4, isIPv4, 32],
    [ipv6, isIPv6, 128],
  ] as const) {
    if (range === "") continue;
    const [head = "", bits = ""] = typeof range === "string" ? range.split("/") : [];
    if (!is(head) || !/^[1-9]\d{0,2}$/.test(bits) || Number(bits) > most)
      throw new RangeError(`anyIp: found ${show(range)}, wanted a range such as 240.18.0.0/16`);
  }
  return { ipv4: ipv4 as string, ipv6: ipv6 as string };
}

function record(value: unknown, at: string): Json {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new RangeError(`${at}: found ${show(value)}, wanted an object`);
  return value as Json;
}

function list(value: unknown, at: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new RangeError(`${at}: found ${show(value)}, wanted a list`);
  return value;
}

function word(value: unknown, at: string): string {
  if (typeof value !== "string" || value === "")
    throw new RangeError(`${at}: found ${show(value)}, wanted a text`);
  return value;
}

function portNumber(value: unknown, at: string): number {
  if (!Number.isInteger(value) || (value as number) < 1 || (value as number) > 65_535)
    throw new RangeError(`${at}: found ${show(value)}, wanted a port from 1 to 65535`);
  return value as number;
}

function address(value: unknown, at: string): string {
  // A zone (fe80::1%eth0) is none: it would be a name of an interface in the rules.
  if (typeof value !== "string" || value.includes("%") || !(isIPv4(value) || isIPv6(value)))
    throw new RangeError(`${at}: found ${show(value)}, wanted an IP address`);
  return value;
}

function show(value: unknown): string {
  return (JSON.stringify(value) ?? "nothing").slice(0, 60);
}
