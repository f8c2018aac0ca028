import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Child } from "../../clients/harness/child.ts";
import { freePorts } from "../../support/free-ports.ts";

const launcher = fileURLToPath(new URL("../../../src/cli/launch.mjs", import.meta.url));
const READY_LIMIT_MS = 60_000;

/** A real proxy whose services come from a control plane. */
export class IsobarProcess {
  readonly address: string;
  readonly #admin: string;
  readonly #child: Child;

  private constructor(child: Child, address: string, admin: string) {
    this.#child = child;
    this.address = address;
    this.#admin = admin;
  }

  /** @param xdsPorts of control planes on this machine. @returns it when it is ready. */
  static async start(folder: string, ...xdsPorts: readonly number[]): Promise<IsobarProcess> {
    const [address = "", admin = ""] = (await freePorts(2)).map((port) => `127.0.0.1:${port}`);
    const file = join(folder, "isobar.yaml");
    const addresses = JSON.stringify(xdsPorts.map((each) => `127.0.0.1:${each}`));
    const text = `
node: { id: node-7, zone: a, region: r }
listeners: [{ name: grpc, address: "${address}" }]
admin: { address: "${admin}" }
drain: { limitMs: 1000 }
controlPlane: { addresses: ${addresses}, insecure: true }
`;
    writeFileSync(file, text);
    const child = new Child({ command: process.execPath, args: [launcher, "proxy", "--config", file] }, []);
    const isobar = new IsobarProcess(child, address, admin);
    const end = performance.now() + READY_LIMIT_MS;
    while (!(await isobar.#isReady())) {
      if (performance.now() > end) throw new Error(`not ready within ${READY_LIMIT_MS} ms`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return isobar;
  }

  /** @returns `ip:port` of a cluster's endpoints that may get new calls, sorted; none where there is no such cluster. */
  async endpoints(cluster: string): Promise<string[]> {
    const response = await fetch(`http://${this.#admin}/clusters?format=json`);
    const { clusters } = (await response.json()) as {
      readonly clusters: readonly {
        readonly name: string;
        readonly endpoints: readonly { readonly address: string; readonly health: string }[];
      }[];
    };
    const found = clusters.find(({ name }) => name === cluster)?.endpoints ?? [];
    return found
      .filter(({ health }) => health === "healthy")
      .map(({ address }) => address)
      .sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.stop();
  }

  async #isReady(): Promise<boolean> {
    const response = await fetch(`http://${this.#admin}/ready`).catch(() => undefined);
    return response?.status === 200;
  }
}
