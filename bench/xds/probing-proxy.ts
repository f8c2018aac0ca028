import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { EchoCaller } from "../../test/xds/client/echo-backends.ts";
import { LineProcess } from "../beside/line-process.ts";
import type { Witness } from "./witness.ts";

/** What a {@link ProbingProxy} is started with. */
export interface ProbingProxyOptions {
  /** The program's first module. */
  readonly launcher: string;
  readonly controlPlanePort: number;
  /** Of the control plane's certificate; undefined: clear text. */
  readonly tls: { readonly caFile: string; readonly serverName: string } | undefined;
  readonly ports: { readonly admin: number; readonly listener: number };
  /** Takes notes of what it reads. */
  readonly witness?: Witness | undefined;
}

const PATIENCE_MS = 30_000;

/** A real proxy under a control plane, and calls through it that find out since when it uses an endpoint. Disposing ends it. */
export class ProbingProxy implements AsyncDisposable {
  readonly #folder: string;
  readonly #process: LineProcess;
  readonly #ports: ProbingProxyOptions["ports"];
  readonly #callers = new Map<string, EchoCaller>();

  private constructor(folder: string, child: LineProcess, ports: ProbingProxyOptions["ports"]) {
    this.#folder = folder;
    this.#process = child;
    this.#ports = ports;
  }

  static async start({
    launcher,
    controlPlanePort,
    tls,
    ports,
    witness,
  }: ProbingProxyOptions): Promise<ProbingProxy> {
    const folder = await mkdtemp(join(tmpdir(), "isobar-scale-"));
    const file = join(folder, "isobar.yaml");
    const security =
      tls === undefined
        ? "insecure: true"
        : `tls: { mode: SIMPLE, caFile: "${tls.caFile}", serverName: "${tls.serverName}" }`;
    await writeFile(
      file,
      [
        "node: { id: node-1, zone: zone-a, region: region-1 }",
        `admin: { address: 127.0.0.1:${ports.admin} }`,
        `listeners: [{ name: local, address: 127.0.0.1:${ports.listener} }]`,
        `controlPlane: { addresses: ["127.0.0.1:${controlPlanePort}"], ${security}, idleTimeout: 1h }`,
        "",
      ].join("\n"),
    );
    const args = [...(witness?.args ?? []), launcher, "proxy", "--config", file];
    const child = new LineProcess(process.execPath, args, witness?.environment);
    const proxy = new ProbingProxy(folder, child, ports);
    const untilMs = performance.now() + PATIENCE_MS;
    while (!(await proxy.#isReady())) {
      if (proxy.#process.ended !== undefined) throw new Error(proxy.#process.ended);
      if (performance.now() > untilMs) throw new Error("the proxy does not become ready");
      await sleep(50);
    }
    return proxy;
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** @returns the host at which a call for this authority arrived, and when, in ms since 1970. @throws Error when none answered. */
  async call(authority: string): Promise<{ readonly host: string; readonly arrivedMs: number }> {
    let caller = this.#callers.get(authority);
    if (caller === undefined) {
      caller = new EchoCaller(`127.0.0.1:${this.#ports.listener}`, authority);
      this.#callers.set(authority, caller);
    }
    const { name, code, details } = await caller.call(PATIENCE_MS);
    if (code !== 0) throw new Error(`${authority}: ${code} ${details}`);
    const [host = "", arrivedMs = ""] = name.split(" ");
    return { host, arrivedMs: Number(arrivedMs) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const caller of this.#callers.values()) caller.close();
    await this.#process[Symbol.asyncDispose]();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #isReady(): Promise<boolean> {
    const response = await fetch(`http://127.0.0.1:${this.#ports.admin}/ready`).catch(() => undefined);
    return response?.status === 200;
  }
}
