import { hostname } from "node:os";
import type { ClientOptions, ClientSettings } from "./client-options.ts";
import { logToStderr } from "./log-to-stderr.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Where the node's proxy listens. */
const NODE_PORT = 15_001;
const HOUR_MS = 3_600_000;
const MAX_ADDRESSES = 16;
const MAX_WAIT_MS = 7 * 24 * HOUR_MS;
/** A host name, an IPv4 address or an IPv6 address in brackets, with a port. */
const HOST_AND_PORT = /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]):[1-9][0-9]{0,4}$/;

/** Options and the variables that stand for them. */
const VARIABLES = {
  controlPlane: "ISOBAR_CONTROL_PLANE",
  insecure: "ISOBAR_INSECURE",
  caFile: "ISOBAR_CA_FILE",
  certFile: "ISOBAR_CERT_FILE",
  keyFile: "ISOBAR_KEY_FILE",
  serverName: "ISOBAR_SERVER_NAME",
  tokenFile: "ISOBAR_TOKEN_FILE",
  address: "ISOBAR_ADDRESS",
  fallbackAfterMs: "ISOBAR_FALLBACK_AFTER_MS",
  node: "ISOBAR_NODE",
  zone: "ISOBAR_ZONE",
  region: "ISOBAR_REGION",
  id: "ISOBAR_ID",
  snapshotFile: "ISOBAR_SNAPSHOT_FILE",
  maxStaleMs: "ISOBAR_MAX_STALE_MS",
  holdBackMs: "ISOBAR_HOLD_BACK_MS",
  explainSample: "ISOBAR_EXPLAIN_SAMPLE",
} as const satisfies Partial<Record<keyof ClientOptions, string>>;

type Named = keyof typeof VARIABLES;

/**
 * Decides all settings: from options, else from the environment, else by default.
 *
 * @throws TypeError or RangeError that says which option or variable is wrong, what was found and what is wanted.
 */
export function readClientSettings(options: ClientOptions, environment: Environment): ClientSettings {
  const known = new Set<string>([...Object.keys(VARIABLES), "seed", "log"]);
  for (const key of Object.keys(options))
    if (!known.has(key))
      throw new TypeError(`isobar: found the option "${key}", wanted one of ${[...known].join(", ")}`);
  const source = new SettingSource(options, environment);
  const given = options.controlPlane ?? environment[VARIABLES.controlPlane] ?? [];
  const controlPlane = (typeof given === "string" ? given.split(",") : [...given])
    .map((each) => String(each).trim())
    .filter((each) => each !== "");
  if (controlPlane.length > MAX_ADDRESSES)
    throw new RangeError(
      `isobar: ${source.nameOf("controlPlane")}: found ${controlPlane.length} addresses, wanted at most ${MAX_ADDRESSES}`,
    );
  for (const each of controlPlane) checkAddress(source.nameOf("controlPlane"), each);

  const { NODE_IP: nodeIp = "" } = environment;
  const address = source.text("address", nodeIp === "" ? "" : `${bracketed(nodeIp)}:${NODE_PORT}`);
  if (address !== "") checkAddress(source.nameOf("address"), address);
  const settings = {
    controlPlane,
    insecure: source.flag("insecure"),
    caFile: source.text("caFile"),
    certFile: source.text("certFile"),
    keyFile: source.text("keyFile"),
    serverName: source.text("serverName"),
    tokenFile: source.text("tokenFile"),
    address,
    fallbackAfterMs: source.number("fallbackAfterMs", 2_000, 10, 60_000),
    node: source.text("node"),
    zone: source.text("zone"),
    region: source.text("region"),
    id: source.text("id", `${hostname()}/${process.pid}`),
    snapshotFile: source.text("snapshotFile"),
    maxStaleMs: source.number("maxStaleMs", HOUR_MS, 1_000, MAX_WAIT_MS),
    holdBackMs: source.number("holdBackMs", 10_000, 0, HOUR_MS),
    explainSample: source.number("explainSample", 0, 0, 1),
    seed: options.seed ?? (process.pid ^ Date.now()) >>> 0,
    log: options.log ?? logToStderr,
  };
  checkTogether(settings, source);
  return settings;
}

/** Reads one option after the other. */
class SettingSource {
  readonly #options: ClientOptions;
  readonly #environment: Environment;

  constructor(options: ClientOptions, environment: Environment) {
    this.#options = options;
    this.#environment = environment;
  }

  /** How a person knows the option: by the variable, if it came from there. */
  nameOf(option: Named): string {
    const variable = VARIABLES[option];
    return this.#options[option] === undefined && this.#environment[variable] !== undefined
      ? variable
      : option;
  }

  text(option: Named, otherwise = ""): string {
    const value = this.#options[option] ?? this.#environment[VARIABLES[option]] ?? otherwise;
    if (typeof value !== "string") throw this.#wrong(option, value, "text");
    return value;
  }

  flag(option: Named): boolean {
    const value = this.#options[option] ?? this.#environment[VARIABLES[option]] ?? false;
    if (value === true || value === "true") return true;
    if (value === false || value === "false" || value === "") return false;
    throw this.#wrong(option, value, "true or false");
  }

  number(option: Named, otherwise: number, least: number, most: number): number {
    const value = this.#options[option] ?? this.#environment[VARIABLES[option]] ?? otherwise;
    const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
    const isGood = typeof number === "number" && number >= least && number <= most;
    if (!isGood) throw this.#wrong(option, value, `a number from ${least} to ${most}`);
    return number;
  }

  #wrong(option: Named, found: unknown, wanted: string): TypeError {
    return new TypeError(`isobar: ${this.nameOf(option)}: found ${JSON.stringify(found)}, wanted ${wanted}`);
  }
}

function checkAddress(name: string, address: string): void {
  const isGood = HOST_AND_PORT.test(address) && Number(address.slice(address.lastIndexOf(":") + 1)) <= 65_535;
  if (!isGood)
    throw new RangeError(
      `isobar: ${name}: found "${address}", wanted a host and a port such as "isobar-control-plane.isobar:18000"`,
    );
}

/** What is wrong with options only together. */
function checkTogether(settings: ClientSettings, source: SettingSource): void {
  const { controlPlane, insecure, caFile, certFile, keyFile, tokenFile, address } = settings;
  const name = (option: Named): string => source.nameOf(option);
  if ((certFile === "") !== (keyFile === ""))
    throw new TypeError(
      `isobar: found one of ${name("certFile")} and ${name("keyFile")}, wanted both or none`,
    );
  const files = { caFile, certFile, tokenFile };
  for (const [option, file] of Object.entries(files) as [keyof typeof files, string][]) {
    if (!insecure || file === "") continue;
    throw new TypeError(
      `isobar: found ${name(option)} together with ${name("insecure")}, wanted one of them: remove ${name("insecure")} to speak TLS with the control plane`,
    );
  }
  if (controlPlane.length === 0 && address === "")
    throw new TypeError(
      "isobar: found neither a control plane nor the address of the node's proxy, wanted one of ISOBAR_CONTROL_PLANE, ISOBAR_ADDRESS and NODE_IP, or configure({ controlPlane }) before the first call",
    );
}

function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
