import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Child } from "../../clients/harness/child.ts";
import { REPOSITORY } from "../../clients/harness/paths.ts";
import { freePorts } from "../../support/free-ports.ts";

/** What of the configuration a test chooses. */
export interface XdsProxyOptions {
  /** Addresses of control planes. */
  readonly addresses: readonly string[];
  /** Further keys of `controlPlane`, as YAML within braces. */
  readonly controlPlane?: string;
  /** Name and zone of its node; default n1 in zone-a; with "" nothing is said of a zone. */
  readonly node?: { readonly id: string; readonly zone: string };
  /** Further sections, as YAML. */
  readonly more?: string;
  /** A folder that outlives this proxy; default: one of its own. */
  readonly folder?: string;
  /** Ports that a former proxy had. */
  readonly ports?: readonly number[];
}

/** The proxy as users start it, with a control plane. */
export class XdsProxy {
  readonly address: string;
  readonly ports: readonly number[];
  readonly folder: string;
  readonly #child: Child;

  private constructor(folder: string, ports: readonly number[], child: Child) {
    this.folder = folder;
    this.ports = ports;
    this.address = `127.0.0.1:${ports[1]}`;
    this.#child = child;
  }

  static async start(options: XdsProxyOptions): Promise<XdsProxy> {
    const { addresses, controlPlane = "", more = "", node = { id: "n1", zone: "zone-a" } } = options;
    const folder = options.folder ?? (await mkdtemp(join(tmpdir(), "isobar-xds-")));
    const ports = options.ports ?? (await freePorts(3));
    const config = join(folder, "isobar.yaml");
    const extra = controlPlane === "" ? "" : `, ${controlPlane.replaceAll("FOLDER", folder)}`;
    await writeFile(
      config,
      [
        `node: { id: ${node.id}${node.zone === "" ? "" : `, zone: ${node.zone}, region: region-a`} }`,
        `admin: { address: 127.0.0.1:${ports[0]} }`,
        `metrics: { address: 127.0.0.1:${ports[2]} }`,
        "memory: { poisonFreed: true }",
        `listeners: [{ name: local, address: 127.0.0.1:${ports[1]} }]`,
        `controlPlane: { addresses: [${addresses.map((each) => `"${each}"`).join(", ")}], insecure: true${extra} }`,
        more,
        "",
      ].join("\n"),
    );
    const program = { command: process.execPath, args: [join(REPOSITORY, "src/cli/launch.mjs")] };
    const proxy = new XdsProxy(folder, ports, new Child(program, ["proxy", "--config", config]));
    await proxy.eventually(async () => (await proxy.admin("/ready")) === "ready\n");
    return proxy;
  }

  async admin(path: string, method = "GET"): Promise<string> {
    return (await fetch(`http://127.0.0.1:${this.ports[0]}${path}`, { method })).text();
  }

  async metrics(): Promise<string> {
    return (await fetch(`http://127.0.0.1:${this.ports[2]}/metrics`)).text();
  }

  async eventually(check: () => Promise<boolean>): Promise<void> {
    let ended: string | undefined;
    void this.#child.ended.then(({ code, stderr }) => {
      ended = `the proxy ended with code ${code}: ${stderr}`;
    });
    for (let i = 0; i < 1_200; i++) {
      if (await check().catch(() => false)) return;
      if (ended !== undefined) throw new Error(ended);
      await sleep(25);
    }
    throw new Error(`did not come about: ${await this.admin("/clusters").catch(String)}`);
  }

  /** Ends it. @param keep leaves its folder for the next one. @returns its log. */
  async stop(keep = false): Promise<string> {
    this.#child.signal("SIGKILL");
    const { stderr } = await this.#child.ended;
    if (!keep) await rm(this.folder, { recursive: true, force: true });
    return stderr;
  }
}
