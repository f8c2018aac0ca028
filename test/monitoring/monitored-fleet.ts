import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Client, credentials } from "@grpc/grpc-js";
import { stringify } from "yaml";
import { Child } from "../clients/harness/child.ts";
import { freePorts } from "../support/free-ports.ts";
import { EchoBackend } from "../xds/client/echo-backends.ts";

const LAUNCHER = fileURLToPath(new URL("../../src/cli/launch.mjs", import.meta.url));
const RULES = fileURLToPath(new URL("../../deploy/monitoring/rules.yaml", import.meta.url));
const READY_MS = 120_000;
const SERVICE = "echo.shop:80";

/** What a query came to, as Prometheus answers. */
export interface QueryAnswer {
  readonly status: string;
  readonly error?: string;
  readonly data?: {
    readonly result: readonly {
      readonly metric: Readonly<Record<string, string>>;
      readonly value: readonly [number, string];
    }[];
  };
}

/** Two endpoints, a control plane, a proxy and a Prometheus that scrapes both each second and evaluates our rules: all of them real, on loopback. */
export class MonitoredFleet {
  readonly #folder = mkdtempSync(join(tmpdir(), "isobar-monitored-"));
  readonly #children: Child[] = [];
  readonly #backends: EchoBackend[] = [];
  #client: Client | undefined;
  #calling = false;
  #prometheus = "";

  static async start(): Promise<MonitoredFleet> {
    const fleet = new MonitoredFleet();
    try {
      await fleet.#start();
    } catch (error) {
      throw new Error(`${error}\n${await fleet.stop()}`, { cause: error });
    }
    return fleet;
  }

  /** @returns Prometheus' answer. */
  async query(expr: string): Promise<QueryAnswer> {
    const url = `http://${this.#prometheus}/api/v1/query?query=${encodeURIComponent(expr)}`;
    return (await (await fetch(url)).json()) as QueryAnswer;
  }

  /** @returns what the processes wrote last. */
  async stop(): Promise<string> {
    this.#calling = false;
    this.#client?.close();
    const written: string[] = [];
    for (const child of this.#children.reverse()) written.push((await child.stop()).stderr);
    for (const backend of this.#backends) backend.stop();
    rmSync(this.#folder, { recursive: true, force: true });
    return written.join("\n");
  }

  async #start(): Promise<void> {
    const ports = await freePorts(7);
    const [listener, admin, metrics, xds, cpAdmin, cpMetrics, prometheus] = ports.map(
      (port) => `127.0.0.1:${port}`,
    ) as [string, string, string, string, string, string, string];
    for (const name of ["a", "b"]) this.#backends.push(await EchoBackend.start(name));
    const endpoints = this.#backends.map(({ port }, i) => {
      return { address: `127.0.0.1:${port}`, zone: `z${i}`, region: "r" };
    });
    const services = this.#write("services.yaml", { clusters: [{ name: SERVICE, endpoints }] });
    const where = ["--address", xds, "--admin", cpAdmin, "--metrics", cpMetrics];
    this.#run(process.execPath, LAUNCHER, "control-plane", "--static", services, "--insecure", ...where);
    await this.#answers(`http://${cpAdmin}/ready`);
    const config = this.#write("isobar.yaml", {
      node: { id: "node-1", zone: "z0", region: "r" },
      listeners: [{ name: "grpc", address: listener }],
      admin: { address: admin },
      metrics: { address: metrics },
      drain: { limitMs: 1_000 },
      controlPlane: { addresses: [xds], insecure: true },
    });
    this.#run(process.execPath, LAUNCHER, "proxy", "--config", config);
    await this.#answers(`http://${admin}/ready`);
    const scraped = [
      { job_name: "isobar-proxy", static_configs: [{ targets: [metrics] }] },
      { job_name: "isobar-control-plane", static_configs: [{ targets: [cpMetrics] }] },
    ];
    const file = this.#write("prometheus.yml", {
      global: { scrape_interval: "1s", evaluation_interval: "1s" },
      rule_files: [RULES],
      scrape_configs: scraped,
    });
    const storage = join(this.#folder, "data");
    const options = [`--web.listen-address=${prometheus}`, `--storage.tsdb.path=${storage}`];
    this.#run("prometheus", `--config.file=${file}`, ...options);
    this.#prometheus = prometheus;
    await this.#answers(`http://${prometheus}/-/ready`);
    this.#client = new Client(listener, credentials.createInsecure(), { "grpc.default_authority": SERVICE });
    this.#calling = true;
    void this.#call();
  }

  /** Some twenty calls a second, until the end. */
  async #call(): Promise<void> {
    const same = (octets: Buffer): Buffer => octets;
    while (this.#calling) {
      await new Promise<void>((resolve) => {
        const message = Buffer.from("hello");
        const deadline = { deadline: Date.now() + 10_000 };
        this.#client!.makeUnaryRequest("/test.Echo/Name", same, same, message, deadline, () => resolve());
      });
      await sleep(50);
    }
  }

  #write(name: string, content: object): string {
    const file = join(this.#folder, name);
    writeFileSync(file, stringify(content));
    return file;
  }

  #run(command: string, ...args: string[]): void {
    this.#children.push(new Child({ command, args }, []));
  }

  async #answers(url: string): Promise<void> {
    const end = performance.now() + READY_MS;
    let gone = "";
    for (const child of this.#children) void child.ended.then(({ stderr }) => (gone += `ended: ${stderr}`));
    while (gone === "") {
      const response = await fetch(url).catch(() => undefined);
      if (response?.status === 200) return;
      if (performance.now() > end) throw new Error(`${url} was not ready within ${READY_MS} ms`);
      await sleep(50);
    }
    throw new Error(`${url} was not ready: ${gone}`);
  }
}
