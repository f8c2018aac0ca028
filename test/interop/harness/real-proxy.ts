import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Child } from "../../clients/harness/child.ts";
import { REPOSITORY } from "../../clients/harness/paths.ts";
import { metricSum } from "../../proxy/fixture/metric-sum.ts";
import { freePorts } from "../../support/free-ports.ts";

const READY_LIMIT_MS = 30_000;
const POLL_MS = 20;

/** One cluster of a {@link RealProxy}. */
export interface ProxyCluster {
  /** The `:authority`; "" names the listener's own address, which is what clients send that are given no other name. */
  readonly name: string;
  /** Addresses with ports. */
  readonly endpoints: readonly string[];
  /** Further keys as YAML lines, such as `keepalive: { timeMs: 1000 }`. */
  readonly keys?: readonly string[];
}

/** What a test may choose. */
export interface RealProxyOptions {
  readonly clusters: readonly ProxyCluster[];
  /** IP address of the listener; default 127.0.0.1. */
  readonly host?: string;
  /** Port of the listener; default: a free one. */
  readonly port?: number;
  readonly drainLimitMs?: number;
  /** Data-plane threads; default 1. */
  readonly concurrency?: number;
  /** A command to run the proxy with, such as `ip netns exec NAME`. */
  readonly prefix?: readonly string[];
}

/** The proxy as users start it, a process with admin and metrics, freed memory poisoned. */
export class RealProxy {
  readonly port: number;
  readonly address: string;
  readonly child: Child;
  /** Why it ended of itself; "" while it runs. */
  fault = "";
  readonly #adminPort: number;
  readonly #metricsPort: number;
  readonly #folder: string;

  private constructor(host: string, ports: readonly [number, number, number], child: Child, folder: string) {
    [this.port, this.#adminPort, this.#metricsPort] = ports;
    this.address = `${host}:${this.port}`;
    this.child = child;
    this.#folder = folder;
    void child.ended.then(({ code, stderr }) => {
      if (code !== 0) this.fault = `the proxy ended with code ${code}: ${stderr}`;
    });
  }

  /** Starts a proxy and waits until it says that it is ready. */
  static async start(options: RealProxyOptions): Promise<RealProxy> {
    const { host = "127.0.0.1", prefix = [] } = options;
    const [port = 0, second = 0, third = 0] = await freePorts(3);
    const ports = [options.port ?? port, second, third] as const;
    const folder = await mkdtemp(join(tmpdir(), "isobar-interop-"));
    const config = join(folder, "isobar.yaml");
    await writeFile(config, configText(`${host}:${ports[0]}`, ports[1], ports[2], options));
    const [command, ...args] = [...prefix, process.execPath, join(REPOSITORY, "src/cli/launch.mjs")];
    const child = new Child({ command: command!, args }, ["proxy", "--config", config]);
    const proxy = new RealProxy(host, ports, child, folder);
    try {
      await proxy.#waitUntilReady();
      return proxy;
    } catch (error) {
      await proxy.stop();
      throw error;
    }
  }

  /** Asks it by POST /drain to leave; {@link ended} tells when it has. */
  async drain(): Promise<void> {
    await fetch(`http://127.0.0.1:${this.#adminPort}/drain`, { method: "POST" });
  }

  /** Waits for it to end by itself. @returns its exit code. */
  async ended(limitMs: number): Promise<number | null> {
    const { code } = await this.child.waitForEnd(limitMs);
    await rm(this.#folder, { recursive: true, force: true });
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** @returns its exit code. */
  async stop(): Promise<number | null> {
    const { code } = await this.child.stop();
    await rm(this.#folder, { recursive: true, force: true });
    return code;
  }

  /** @returns the sum of a metric's series that have these labels; 0 when there is none. */
  async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    const text = await this.#get(`http://127.0.0.1:${this.#metricsPort}/metrics`);
    return metricSum(text, name, labels);
  }

  /** Waits until so many calls have ended well. @throws when that takes too long. */
  async served(calls: number): Promise<void> {
    const limit = performance.now() + READY_LIMIT_MS;
    for (;;) {
      const served = await this.metric("isobar_requests_total", { grpc_status: "OK" });
      if (served >= calls) return;
      if (performance.now() > limit) throw new Error(`${served} calls of ${calls} ended well: ${this.fault}`);
      await sleep(POLL_MS);
    }
  }

  /**
   * @returns how many connections ended with blame: by an endpoint's GOAWAY with an error, too_many_pings among them, or by
   * the proxy because a peer broke the protocol or flooded it. Peers that do nothing wrong cause none.
   */
  async blamed(): Promise<number> {
    const counts = await Promise.all([
      this.metric("isobar_upstream_disconnects_total", { grpc_disconnect_error: "GOAWAY" }),
      this.metric("isobar_protocol_errors_total"),
      this.metric("isobar_flood_closed_total"),
    ]);
    return counts.reduce((sum, count) => sum + count);
  }

  async #get(url: string): Promise<string> {
    return (await fetch(url)).text();
  }

  async #waitUntilReady(): Promise<void> {
    const limit = performance.now() + READY_LIMIT_MS;
    let answer = "nothing";
    while (this.fault === "" && performance.now() < limit) {
      answer = await this.#get(`http://127.0.0.1:${this.#adminPort}/ready`).catch(String);
      if (answer === "ready\n") return;
      await sleep(POLL_MS);
    }
    throw new Error(this.fault || `the proxy was not ready within ${READY_LIMIT_MS} ms: ${answer}`);
  }
}

function configText(
  listener: string,
  adminPort: number,
  metricsPort: number,
  { clusters, drainLimitMs = 60_000, concurrency = 1 }: RealProxyOptions,
): string {
  return [
    `admin: { address: 127.0.0.1:${adminPort} }`,
    `metrics: { address: 127.0.0.1:${metricsPort} }`,
    "memory: { poisonFreed: true }",
    `drain: { limitMs: ${drainLimitMs} }`,
    `concurrency: ${concurrency}`,
    `listeners: [{ name: local, address: "${listener}" }]`,
    "clusters:",
    ...clusters.flatMap(({ name, endpoints, keys = [] }) => [
      `  - name: ${name || listener}`,
      ...keys.map((key) => `    ${key}`),
      `    endpoints: [${endpoints.map((address) => `{ address: "${address}" }`).join(", ")}]`,
    ]),
    "",
  ].join("\n");
}
