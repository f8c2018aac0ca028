import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { LoadSettings, Way } from "./child-message.ts";
import { UNCOUNTED } from "./child-message.ts";
import { ConnectionSplice } from "./connection-splice.ts";
import type { DemoChild } from "./demo-children.ts";
import { DemoChildren } from "./demo-children.ts";
import type { DemoOptions } from "./demo-options.ts";
import {
  BACKENDS_PER_ZONE,
  CALLS_PER_SECOND,
  CHANNELS,
  DEADLINE_MS,
  SERVICE_MS,
  WORKERS,
  ZONES,
} from "./demo-options.ts";
import { ECHO_AUTHORITY } from "./echo-service.ts";
import { freePort } from "./free-port.ts";
import { startIsobar } from "./isobar-child.ts";
import { Placement } from "./placement.ts";
import { proxyConfigYaml } from "./proxy-config.ts";
import { servicesYaml } from "./services-file.ts";
import { Tally } from "./tally.ts";
import { writeWhole } from "./write-whole.ts";

const PROXY_GRACE_MS = 700;

/** A backend of the demo. */
export interface DemoBackend {
  readonly name: string;
  readonly zone: string;
  readonly ports: Readonly<Record<Way, number>>;
  readonly child: DemoChild;
}

/** Everything that runs during the demo, and the changes that can be made to it. */
export class DemoStage {
  /** What has been counted. */
  readonly tally = new Tally();
  /** Rejects when something ends that should run. */
  readonly failed: Promise<never>;
  /** The port of Isobar's listener. */
  port = 0;
  /** The port of Isobar's admin address. */
  adminPort = 0;

  readonly #options: DemoOptions;
  readonly #children = new DemoChildren();
  readonly #folder = mkdtempSync(join(tmpdir(), "isobar-demo-"));
  readonly #splice: ConnectionSplice;
  readonly #backends: DemoBackend[] = [];
  readonly #loads: DemoChild[] = [];
  readonly #removeFolder = () => rmSync(this.#folder, { recursive: true, force: true });
  #controlPlane: DemoChild | undefined;
  #proxy: DemoChild | undefined;
  #part = UNCOUNTED;

  constructor(options: DemoOptions) {
    this.#options = options;
    this.failed = this.#children.failed;
    this.#splice = new ConnectionSplice(new Placement(options.seed));
    // Runs on a crash as well; close() would come too late then.
    process.on("exit", this.#removeFolder);
  }

  /** Starts the backends, both ways to them, and the clients; the load waits for {@link startLoad}. */
  async open(): Promise<void> {
    const names = ZONES.flatMap((zone) =>
      Array.from({ length: BACKENDS_PER_ZONE }, (_, index) => ({ zone, index: index + 1 })),
    );
    this.port = await freePort(this.#options.port);
    this.adminPort = await freePort(15_000);
    const started = names.map(({ zone, index }) => this.startBackend(`${zone}${index}`, `zone-${zone}`));
    for (const backend of await Promise.all(started)) this.#backends.push(backend);
    const pinnedPort = await this.#splice.listen();
    this.publish();
    await this.#startIsobar();
    await Promise.all([this.#startLoad("pinned", pinnedPort), this.#startLoad("isobar", this.port)]);
    this.#guard();
  }

  /** The backends that both ways are told of. */
  get backends(): readonly DemoBackend[] {
    return this.#backends;
  }

  /** How many connections each backend has on the way that pins them. */
  connections(): Map<string, number> {
    return this.#splice.connections();
  }

  /** Lets the clients begin. */
  startLoad(): void {
    for (const load of this.#loads) this.#children.send(load, { kind: "go" });
  }

  /** Counts the calls that start from now on for this part. */
  count(part: number): void {
    this.#part = part;
    for (const child of [...this.#backends.map((backend) => backend.child), ...this.#loads]) {
      this.#children.send(child, { kind: "part", part });
    }
  }

  /** Starts one more backend; nobody calls it before {@link add}. */
  async startBackend(name: string, zone: string): Promise<DemoBackend> {
    const settings = {
      name,
      zone,
      workers: WORKERS,
      serviceMs: SERVICE_MS,
      // The pools of a backend use this and the next one.
      seed: this.#options.seed * 1000 + 2 * Number.parseInt(name, 36),
    };
    const { child, ready } = await this.#children.fork("backend", `backend ${name}`, settings, (message) => {
      if (message.kind === "arrivals") this.tally.addArrivals(name, message);
    });
    return { name, zone, ports: ready.ports!, child };
  }

  /** Makes a backend need `factor` times as long for each call. */
  slow(backend: DemoBackend, factor: number): void {
    this.#children.send(backend.child, { kind: "slow", factor });
  }

  /** Kills a backend. Neither way is told before {@link remove}. */
  async kill(backend: DemoBackend): Promise<void> {
    await this.#children.end(backend.child, 0);
  }

  /** Tells both ways that a backend is gone. */
  remove(backend: DemoBackend): void {
    this.#backends.splice(this.#backends.indexOf(backend), 1);
    this.publish();
  }

  /** Tells both ways that there is one backend more. */
  add(backend: DemoBackend): void {
    this.#children.send(backend.child, { kind: "part", part: this.#part });
    this.#backends.push(backend);
    this.publish();
  }

  /** Tells both ways which backends there are: the proxy by the file that its control plane watches. */
  publish(): void {
    this.#splice.setTargets(this.#backends.map(({ name, ports }) => ({ name, port: ports.pinned })));
    const listed = this.#backends.map(({ ports, zone }) => ({ port: ports.isobar, zone }));
    writeWhole(this.#file("services.yaml"), servicesYaml(listed));
  }

  /** Ends the load, waits for what is still on its way at most `patienceMs`, and takes down everything. */
  async close(patienceMs: number): Promise<void> {
    for (const load of this.#loads) this.#children.send(load, { kind: "stop" });
    if (this.#loads.length > 0) await pause(patienceMs);
    await Promise.all(this.#loads.map((load) => this.#children.end(load, 0)));
    // With its clients gone the proxy has nothing left to drain.
    if (this.#proxy !== undefined) await this.#children.end(this.#proxy, PROXY_GRACE_MS);
    if (this.#controlPlane !== undefined) await this.#children.end(this.#controlPlane, 0);
    this.#splice.close();
    await this.#children.endAll();
    this.#removeFolder();
    process.removeListener("exit", this.#removeFolder);
  }

  #file(name: string): string {
    return join(this.#folder, name);
  }

  /** The control plane and its proxy, side by side: neither waits for the other. */
  async #startIsobar(): Promise<void> {
    const { port, adminPort } = this;
    const { program } = this.#options;
    const xdsPort = await freePort(18_000);
    const xdsAdminPort = await freePort(18_001);
    writeWhole(this.#file("isobar.yaml"), proxyConfigYaml({ port, adminPort, xdsPort }));
    const addresses = ["--address", `127.0.0.1:${xdsPort}`, "--admin", `127.0.0.1:${xdsAdminPort}`];
    const source = ["--static", this.#file("services.yaml"), "--insecure"];
    [this.#controlPlane, this.#proxy] = await Promise.all([
      startIsobar(this.#children, program, ["control-plane", ...source, ...addresses], xdsAdminPort),
      startIsobar(this.#children, program, ["proxy", "--config", this.#file("isobar.yaml")], adminPort),
    ]);
  }

  async #startLoad(way: Way, port: number): Promise<void> {
    const settings: LoadSettings = {
      address: `127.0.0.1:${port}`,
      authority: ECHO_AUTHORITY,
      channels: CHANNELS,
      callsPerSecond: CALLS_PER_SECOND,
      deadlineMs: DEADLINE_MS,
      seed: this.#options.seed,
    };
    const { child } = await this.#children.fork("load", `clients (${way})`, settings, (message) => {
      if (message.kind === "outcomes") this.tally.addOutcomes(way, message);
      else if (message.kind === "not-made") this.tally.notMade += message.calls;
    });
    this.#loads.push(child);
  }

  // Neither has a message channel that would tell it that the demo was killed outright; a load process has.
  #guard(): void {
    const pids = [this.#proxy, this.#controlPlane].flatMap((each) => each?.process.pid ?? []);
    const [load] = this.#loads;
    if (load !== undefined) this.#children.send(load, { kind: "wards", pids, folder: this.#folder });
  }
}
