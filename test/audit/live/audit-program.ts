import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { AuditView } from "../../../src/audit/audit-view.ts";
import { Child } from "../../clients/harness/child.ts";
import { REPOSITORY } from "../../clients/harness/paths.ts";

const LAUNCHER = join(REPOSITORY, "src/cli/launch.mjs");
const LIMIT_MS = 60_000;

/** A control plane with an audit, as people start it. */
export class AuditedControlPlane {
  readonly address: string;
  readonly admin: string;
  readonly #child: Child;

  private constructor(child: Child, address: string, admin: string) {
    this.#child = child;
    this.address = address;
    this.admin = admin;
  }

  /** @param folder its audit and its log lie there. @param source flags that say where services are. */
  static async start(
    folder: string,
    source: readonly string[],
    address = "127.0.0.1:0",
  ): Promise<AuditedControlPlane> {
    const log = join(folder, `log-${performance.now()}`);
    const flags = [
      "--insecure",
      "--address",
      address,
      "--admin",
      "127.0.0.1:0",
      "--audit-dir",
      join(folder, "audit"),
    ];
    const shell = `exec "$0" "$@" 2>"${log}"`;
    const args = [LAUNCHER, "control-plane", ...source, ...flags];
    const child = new Child({ command: "sh", args: ["-c", shell, process.execPath] }, args);
    const untilMs = performance.now() + LIMIT_MS;
    for (;;) {
      const text = await readFile(log, "utf8").catch(() => "");
      const [, xds, admin] = /"address":"([^"]+)","admin":"([^"]+)"/.exec(text) ?? [];
      if (xds !== undefined && (await isReady(admin!))) return new AuditedControlPlane(child, xds, admin!);
      if (performance.now() > untilMs) throw new Error(`the control plane is not ready: ${text}`);
      await sleep(25);
    }
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    this.#child.signal(signal);
    await this.#child.ended;
  }
}

/** What a command came to. */
export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `isobar` with these arguments. */
export function isobar(...args: readonly string[]): Promise<Ran> {
  return new Child({ command: process.execPath, args: [LAUNCHER] }, args).waitForEnd(LIMIT_MS);
}

/** @returns what `isobar audit at` says. */
export async function auditAt(folder: string, time: string, ...args: readonly string[]): Promise<AuditView> {
  const { code, stdout, stderr } = await isobar(
    "audit",
    "at",
    time,
    "--dir",
    join(folder, "audit"),
    "-o",
    "json",
    ...args,
  );
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as AuditView;
}

async function isReady(admin: string): Promise<boolean> {
  const response = await fetch(`http://${admin}/ready`).catch(() => undefined);
  return response?.status === 200;
}
