import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ShownLoad } from "../../../src/control-plane/fleet-loads.ts";
import { Child } from "../../clients/harness/child.ts";
import { REPOSITORY } from "../../clients/harness/paths.ts";

const LAUNCHER = join(REPOSITORY, "src/cli/launch.mjs");

/** `isobar control-plane --static` as users start it. */
export class StaticControlPlane {
  readonly folder = mkdtempSync(join(tmpdir(), "isobar-sdk-"));
  /** Where xDS is served; stays the same when it comes back. */
  address = "127.0.0.1:0";
  #admin = "";
  #child: Child | undefined;
  #starts = 0;
  #log = "";

  /** @param services the file: `clusters` and `routes`, as YAML or JSON. */
  static async start(
    services: string,
    flags: readonly string[] = ["--insecure"],
  ): Promise<StaticControlPlane> {
    const controlPlane = new StaticControlPlane();
    controlPlane.write(services);
    await controlPlane.start(flags);
    return controlPlane;
  }

  get file(): string {
    return join(this.folder, "services.yaml");
  }

  /** Replaces the services, as an editor does it. */
  write(services: string): void {
    writeFileSync(`${this.file}.new`, services);
    renameSync(`${this.file}.new`, this.file);
  }

  async start(flags: readonly string[] = ["--insecure"]): Promise<void> {
    const log = join(this.folder, `log-${this.#starts++}`);
    this.#log = log;
    const args = [
      "control-plane",
      "--static",
      this.file,
      "--address",
      this.address,
      "--admin",
      "127.0.0.1:0",
    ];
    const shell = `exec "$0" "$@" 2>"${log}"`;
    this.#child = new Child({ command: "sh", args: ["-c", shell, process.execPath, LAUNCHER] }, [
      ...args,
      ...flags,
    ]);
    let text = "";
    for (let i = 0; i < 1_200 && !text.includes('"admin":'); i++) {
      await sleep(25);
      try {
        text = readFileSync(log, "utf8");
      } catch {
        // Not begun yet.
      }
    }
    const served = /"address":"([^"]+)","admin":"([^"]+)"/.exec(text);
    if (served === null) throw new Error(`the control plane did not start: ${text}`);
    [, this.address = "", this.#admin = ""] = served;
  }

  /** What it has written since it was last started. */
  get log(): string {
    return readFileSync(this.#log, "utf8");
  }

  /** Clients with what they have, as the control plane tells it. */
  async status(): Promise<string> {
    return (await fetch(`http://${this.#admin}/xds/status`)).text();
  }

  /** What callers have reported of a service. */
  async load(service: string): Promise<ShownLoad | undefined> {
    const response = await fetch(`http://${this.#admin}/load?format=json&service=${service}`);
    return ((await response.json()) as { readonly services: readonly ShownLoad[] }).services[0];
  }

  get isRunning(): boolean {
    return this.#child !== undefined;
  }

  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    child?.signal("SIGKILL");
    await child?.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
