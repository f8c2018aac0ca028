import { spawnSync } from "node:child_process";

let made = 0;

/** A machine of its own as far as the network is concerned: one link to the tests' network, which can be cut. */
export class NetworkNamespace {
  readonly name: string;
  /** Its address on the link. */
  readonly host: string;
  readonly #outside: string;
  readonly #inside: string;

  private constructor(name: string, host: string, outside: string, inside: string) {
    this.name = name;
    this.host = host;
    this.#outside = outside;
    this.#inside = inside;
  }

  /** @returns why none can be made here, "" if it can: it takes the right to administer the network, and iproute2. */
  static missing(): string {
    if (process.getuid?.() !== 0) return "network namespaces take root";
    const { error, status, stderr } = spawnSync("ip", ["netns", "list"], { encoding: "utf8" });
    if (error) return "ip is not installed";
    return status === 0 ? "" : `ip netns: ${stderr}`;
  }

  static make(): NetworkNamespace {
    const unique = `${process.pid}${made++}`;
    const [name, outside, inside] = [`isobar-${unique}`, `iso${unique}o`, `iso${unique}i`] as const;
    // 192.0.2.0/24 is for documentation: nobody routes it. Each namespace has two addresses of it.
    const low = (process.pid * 4 + made * 4) % 252;
    const [near, host] = [`192.0.2.${low}`, `192.0.2.${low + 1}`] as const;
    ip("netns", "add", name);
    ip("link", "add", outside, "type", "veth", "peer", "name", inside, "netns", name);
    ip("addr", "add", `${near}/31`, "dev", outside);
    ip("link", "set", outside, "up");
    ip("-n", name, "addr", "add", `${host}/31`, "dev", inside);
    ip("-n", name, "link", "set", inside, "up");
    ip("-n", name, "link", "set", "lo", "up");
    const namespace = new NetworkNamespace(name, host, outside, inside);
    // However the test ends, nothing of it stays.
    process.once("exit", () => namespace.remove());
    return namespace;
  }

  /** What a command is to begin with, so that it runs inside. */
  get prefix(): readonly string[] {
    return ["ip", "netns", "exec", this.name];
  }

  /** From now on every packet vanishes, in either direction: no FIN and no RST comes out. */
  cut(): void {
    ip("-n", this.name, "link", "set", this.#inside, "down");
  }

  remove(): void {
    spawnSync("ip", ["link", "del", this.#outside]);
    spawnSync("ip", ["netns", "del", this.name]);
  }
}

function ip(...args: string[]): void {
  const { status, stderr } = spawnSync("ip", args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`ip ${args.join(" ")}: ${stderr}`);
}
