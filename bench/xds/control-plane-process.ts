import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { Usage } from "../lib/process-usage.ts";
import { processUsage } from "../lib/process-usage.ts";
import type { Witness } from "./witness.ts";

/** What a {@link ControlPlaneProcess} is started with. */
export interface ControlPlaneProcessOptions {
  /** The program's first module. */
  readonly launcher: string;
  readonly kubeConfig: string;
  readonly port: number;
  readonly adminPort: number;
  /** Its certificate; undefined: clear text. */
  readonly tls: { readonly certFile: string; readonly keyFile: string } | undefined;
  /** Folder for a profile, written when it ends. */
  readonly profile?: string | undefined;
  /** Takes notes of what it reads and writes. */
  readonly witness?: Witness | undefined;
}

const LOG_CHARACTERS = 4_000;

/** The control plane as users start it. Disposing ends it. */
export class ControlPlaneProcess implements AsyncDisposable {
  /** When it was started, in ms since 1970. */
  readonly startedMs = Date.now();
  readonly pid: number;
  log = "";
  readonly #child: ReturnType<typeof spawn>;
  readonly #adminPort: number;

  constructor({ launcher, kubeConfig, port, adminPort, tls, profile, witness }: ControlPlaneProcessOptions) {
    const security =
      tls === undefined
        ? ["--insecure"]
        : ["--tls-cert-file", tls.certFile, "--tls-key-file", tls.keyFile, "--client-auth", "none"];
    const nodeArgs = profile === undefined ? [] : ["--cpu-prof", "--cpu-prof-dir", profile];
    nodeArgs.push(...(witness?.args ?? []));
    const where = ["--address", `127.0.0.1:${port}`, "--admin", `127.0.0.1:${adminPort}`];
    const args = [launcher, "control-plane", "--kubeconfig", kubeConfig];
    this.#child = spawn(process.execPath, [...nodeArgs, ...args, ...where, ...security], {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, ...witness?.environment },
    });
    this.#adminPort = adminPort;
    this.pid = this.#child.pid!;
    const end = (): void => void this.#child.kill("SIGKILL");
    process.on("exit", end);
    this.#child.on("exit", () => process.off("exit", end));
    this.#child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.log = (this.log + text).slice(-LOG_CHARACTERS);
    });
  }

  /** @throws Error when it has ended. */
  get usage(): Usage {
    if (this.#child.exitCode !== null) throw new Error(`the control plane has ended: ${this.log}`);
    return processUsage(this.pid);
  }

  /** The most memory it ever had, in MB. */
  get peakMegabytes(): number {
    const peak = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${this.pid}/status`, "latin1"));
    return Number(peak?.[1] ?? 0) / 1000;
  }

  async stats(): Promise<Readonly<Record<string, number>>> {
    const response = await fetch(`http://127.0.0.1:${this.#adminPort}/stats?format=json`);
    return (await response.json()) as Record<string, number>;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const exit = once(this.#child, "exit");
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 10_000);
    await exit;
    clearTimeout(timer);
  }
}
