import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Child } from "../../clients/harness/child.ts";
import { REPOSITORY } from "../../clients/harness/paths.ts";
import { freePorts } from "../../support/free-ports.ts";
import { eventually } from "./eventually.ts";

/** `isobar proxy` as a node has it, with services of its own. */
export class NodeProxy {
  readonly address: string;
  readonly #admin: string;
  readonly #child: Child;
  readonly #folder: string;

  private constructor(address: string, admin: string, child: Child, folder: string) {
    this.address = address;
    this.#admin = admin;
    this.#child = child;
    this.#folder = folder;
  }

  /** @param sections further sections of its configuration, such as `clusters`. */
  static async start(sections: object): Promise<NodeProxy> {
    const folder = await mkdtemp(join(tmpdir(), "isobar-sdk-proxy-"));
    const [listener, admin] = (await freePorts(2)).map((port) => `127.0.0.1:${port}`) as [string, string];
    const config = join(folder, "isobar.yaml");
    await writeFile(
      config,
      JSON.stringify({
        admin: { address: admin },
        listeners: [{ name: "local", address: listener }],
        ...sections,
      }),
    );
    const program = { command: process.execPath, args: [join(REPOSITORY, "src/cli/launch.mjs")] };
    const proxy = new NodeProxy(listener, admin, new Child(program, ["proxy", "--config", config]), folder);
    await eventually(async () => (await proxy.admin("/ready").catch(() => "")) === "ready\n");
    return proxy;
  }

  async admin(path: string): Promise<string> {
    return (await fetch(`http://${this.#admin}${path}`)).text();
  }

  /** All recorded picks, as a file. */
  async recordedPicks(): Promise<Uint8Array> {
    return new Uint8Array(await (await fetch(`http://${this.#admin}/explain.bin`)).arrayBuffer());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.signal("SIGKILL");
    await this.#child.ended;
    await rm(this.#folder, { recursive: true, force: true });
  }
}
