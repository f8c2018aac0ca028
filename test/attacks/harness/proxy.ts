import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePorts } from "../../support/free-ports.ts";
import { Pinned } from "./pinned.ts";
import { PROXY_CORE, REPOSITORY } from "./programs.ts";

const READY_LIMIT_MS = 30_000;

/** A cluster of one endpoint. */
export interface ClusterOfOne {
  readonly name: string;
  readonly port: number;
}

/** What the proxy holds and has used, at one moment. */
export interface ProxyUsage {
  /** CPU time of all threads, in microseconds. */
  readonly cpuMicros: number;
  readonly rssOctets: number;
  /** Of the slab: queues, copies, tables. */
  readonly slabOctets: number;
  /** Every sample of the metrics page, by its name with labels. */
  readonly samples: ReadonlyMap<string, number>;
}

/** The proxy as users start it, with what it ships as defaults, on a core of its own. */
export class AttackedProxy {
  readonly port: number;
  readonly #metricsPort: number;
  readonly #process: Pinned;
  readonly #folder: string;

  private constructor(port: number, metricsPort: number, folder: string) {
    this.port = port;
    this.#metricsPort = metricsPort;
    this.#folder = folder;
    const args = [join(REPOSITORY, "src/cli/launch.mjs"), "proxy", "--config", join(folder, "isobar.yaml")];
    this.#process = new Pinned(PROXY_CORE, false, process.execPath, args, ["ignore", "ignore", "pipe"]);
  }

  /** @param more further lines of the configuration. */
  static async start(
    clusters: readonly ClusterOfOne[],
    more: readonly string[] = [],
  ): Promise<AttackedProxy> {
    const [port = 0, metricsPort = 0, adminPort = 0] = await freePorts(3);
    const folder = await mkdtemp(join(tmpdir(), "isobar-attacks-"));
    const config = [
      `admin: { address: 127.0.0.1:${adminPort} }`,
      `metrics: { address: 127.0.0.1:${metricsPort} }`,
      `listeners: [{ name: local, address: 127.0.0.1:${port} }]`,
      "clusters:",
      ...clusters.map(
        (each) => `  - { name: ${each.name}, endpoints: [{ address: 127.0.0.1:${each.port} }] }`,
      ),
      ...more,
      "",
    ].join("\n");
    await writeFile(join(folder, "isobar.yaml"), config);
    const proxy = new AttackedProxy(port, metricsPort, folder);
    const limit = performance.now() + READY_LIMIT_MS;
    for (;;) {
      const answer = await fetch(`http://127.0.0.1:${adminPort}/ready`).catch(() => undefined);
      if (answer?.status === 200) return proxy;
      if (performance.now() > limit || proxy.#process.child.exitCode !== null) {
        throw new Error(`the proxy is not ready: ${proxy.complaints}`);
      }
      await sleep(50);
    }
  }

  get complaints(): string {
    return this.#process.complaints;
  }

  get alive(): boolean {
    return this.#process.child.exitCode === null && this.#process.child.signalCode === null;
  }

  /** @returns CPU time of all threads so far, in microseconds; by the scheduler's own account, which is exact. */
  cpuMicros(): number {
    let nanos = 0;
    for (const thread of readdirSync(`/proc/${this.#process.pid}/task`)) {
      try {
        nanos += Number(
          readFileSync(`/proc/${this.#process.pid}/task/${thread}/schedstat`, "utf8").split(" ")[0],
        );
      } catch {
        // The thread has ended since.
      }
    }
    return nanos / 1_000;
  }

  rssOctets(): number {
    const status = readFileSync(`/proc/${this.#process.pid}/status`, "utf8");
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]) * 1_024;
  }

  async usage(): Promise<ProxyUsage> {
    const text = await (await fetch(`http://127.0.0.1:${this.#metricsPort}/metrics`)).text();
    const samples = new Map<string, number>();
    for (const line of text.split("\n")) {
      const end = line.lastIndexOf(" ");
      if (end > 0 && !line.startsWith("#")) samples.set(line.slice(0, end), Number(line.slice(end + 1)));
    }
    const slabOctets = samples.get('isobar_memory_bytes{kind="slab_used"}') ?? Number.NaN;
    return { cpuMicros: this.cpuMicros(), rssOctets: this.rssOctets(), slabOctets, samples };
  }

  async stop(): Promise<void> {
    await this.#process.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
