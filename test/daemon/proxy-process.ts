import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { freePorts } from "../support/free-ports.ts";

/** The module a child process runs, from this folder, and options of its Node. */
export interface ProxyEntry {
  readonly module: string;
  readonly nodeOptions: readonly string[];
  /** How the configuration names the host of the metrics' address; default 127.0.0.1. */
  readonly metricsHost?: string;
  /** Beside this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
}

const FAKE: ProxyEntry = { module: "./proxy-with-fake-worker.ts", nodeOptions: [] };

/** A proxy with the fake data plane as a child process, on ports of its own, with a configuration that can change. */
export class ProxyProcess {
  readonly ports: { readonly admin: number; readonly metrics: number; readonly listener: number };
  readonly file: string;
  readonly exited: Promise<number | string>;
  stderr = "";
  readonly #folder: string;
  readonly #metricsHost: string;
  readonly #child: ChildProcess;

  private constructor(ports: ProxyProcess["ports"], clusters: string, more: string, run: ProxyEntry) {
    this.ports = ports;
    this.#metricsHost = run.metricsHost ?? "127.0.0.1";
    this.#folder = mkdtempSync(join(tmpdir(), "isobar-"));
    this.file = join(this.#folder, "isobar.yaml");
    this.write(clusters, more);
    const entry = fileURLToPath(new URL(run.module, import.meta.url));
    // The launcher's cache of stripped sources: a start takes a third of the time.
    const cache = fileURLToPath(new URL("../../.cache/compile", import.meta.url));
    this.#child = spawn(process.execPath, [...run.nodeOptions, entry, this.file], {
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      env: { ...process.env, NODE_COMPILE_CACHE: cache, ...run.env },
    });
    this.#child.stderr!.setEncoding("utf8").on("data", (text) => (this.stderr += text));
    this.exited = new Promise((resolve) =>
      this.#child.on("close", (code, signal) => resolve(code ?? signal ?? "")),
    );
  }

  /** @param ports those that are not to be free ones. */
  static async start(
    clusters: string,
    more = "",
    ports: Partial<ProxyProcess["ports"]> = {},
    run: ProxyEntry = FAKE,
  ): Promise<ProxyProcess> {
    const [admin, metrics, listener] = (await freePorts(3)) as [number, number, number];
    return new ProxyProcess({ admin, metrics, listener, ...ports }, clusters, more, run);
  }

  /** Replaces the configuration, as an editor does it. */
  write(clusters: string, more = ""): void {
    const { admin, metrics, listener } = this.ports;
    const text =
      `admin: { address: 127.0.0.1:${admin} }\nmetrics: { address: ${this.#metricsHost}:${metrics} }\n` +
      `listeners: [{ name: local, address: 127.0.0.1:${listener} }]\nclusters: [${clusters}]\n${more}\n`;
    writeFileSync(join(this.#folder, "next"), text);
    renameSync(join(this.#folder, "next"), this.file);
  }

  /** Tells the child's module something. */
  tell(message: object): void {
    this.#child.send(message);
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async get(path: string, method = "GET"): Promise<string> {
    const response = await fetch(`http://127.0.0.1:${this.ports.admin}${path}`, { method });
    return response.text();
  }

  async metrics(): Promise<string> {
    return (await fetch(`http://127.0.0.1:${this.ports.metrics}/metrics`)).text();
  }

  /** @returns what the fake data plane knows. */
  dataPlane(): Promise<string> {
    return new Promise((resolve, reject) => {
      let text = "";
      const socket = connect(this.ports.listener, "127.0.0.1").setEncoding("utf8");
      socket
        .on("data", (part) => (text += part))
        .on("end", () => resolve(text))
        .on("error", reject);
    });
  }

  async ready(): Promise<void> {
    await this.eventually(async () => (await this.get("/ready")) === "ready\n");
  }

  async eventually(check: () => Promise<boolean>): Promise<void> {
    for (let i = 0; i < 400; i++) {
      if (await check().catch(() => false)) return;
      await sleep(25);
    }
    throw new Error(`did not come about; the process said:\n${this.stderr}`);
  }

  async stop(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.exited;
    rmSync(this.#folder, { recursive: true });
  }
}
