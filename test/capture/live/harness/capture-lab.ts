import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CaptureReport } from "../../../../src/capture/capture-report.ts";
import { BoxNamespace } from "../../../box/harness/box-namespace.ts";
import { kubeProxyTable } from "../../../box/harness/kube-proxy-table.ts";
import { LAUNCHER } from "../../../box/harness/logged-program.ts";
import { until } from "../../../e2e/harness/until.ts";
import { Driven } from "./driven.ts";

const { CI = "" } = process.env;
const HERE = import.meta.dirname;
const BACKEND = `
  const { createServer } = require("node:net");
  createServer((socket) => socket.on("error", () => {}).on("data", () => socket.write("backend\\n"))).listen(50051, "::", () => console.log("port"));`;

/** ClusterIPs of the one service, its port, and its number. */
export const SERVICE = {
  ipv4: "10.96.0.10",
  ipv6: "fd00:96::10",
  port: 50051,
  anyIp4: "240.18.0.1",
  anyIp6: "fd00:77::1",
} as const;
/** Where pods find the door. */
export const DOOR = { address: "169.254.77.1", port: 15001 } as const;
/** Of the pod. */
export const POD = { ipv4: "10.244.1.5", ipv6: "fd00:244::5" } as const;

/** What is said about the pod in a plan. */
export interface PlannedPod {
  readonly mode?: string;
  readonly failClosed?: boolean;
  readonly reclaim?: boolean;
}

/** @returns what there is for a test to be skipped with, if so. @throws Error in CI. */
export function missingForCapture(): string | false {
  const missing = missing_();
  if (missing !== undefined && CI !== "") throw new Error(missing);
  return missing ?? false;
}

function missing_(): string | undefined {
  if (process.getuid?.() !== 0) return "network namespaces and nftables take root";
  for (const [command, flag] of [
    ["ip", "-V"],
    ["nft", "--version"],
    ["nsenter", "--version"],
  ] as const)
    if (spawnSync(command, [flag]).error !== undefined) return `${command} is not installed`;
  return undefined;
}

/** @returns a plan with the one service, the pod and the door. */
export function planOf(pod: PlannedPod = {}, version = "1"): string {
  const { mode = "transparent", failClosed = false, reclaim = true } = pod;
  const { ipv4, ipv6, port, anyIp4, anyIp6 } = SERVICE;
  return JSON.stringify({
    version,
    services: [{ service: "echo.shop:50051", addresses: [ipv4, ipv6], port, anyIp4, anyIp6 }],
    callers: [{ addresses: [POD.ipv4, POD.ipv6], mode, failClosed, reclaim, uid: "u", namespace: "shop" }],
    entries: [DOOR],
  });
}

/** A node between a pod and a backend, each a network namespace, with a table that does what kube-proxy does. */
export class CaptureLab implements AsyncDisposable {
  readonly runDir = mkdtempSync(join(tmpdir(), "isobar-capture-"));
  readonly node: BoxNamespace;
  readonly pod: BoxNamespace;
  readonly #backend: BoxNamespace;
  readonly #programs: Driven[] = [];
  #client: Driven | undefined;

  private constructor() {
    const name = `isocap-${process.pid}`;
    this.node = BoxNamespace.make(`${name}-node`, ["ipv4/ip_forward=1", "ipv6/conf/all/forwarding=1"]);
    this.pod = BoxNamespace.make(`${name}-pod`);
    this.#backend = BoxNamespace.make(`${name}-back`);
    this.#link(this.pod, "pod", "10.244.1", "fd00:244::", "5");
    this.#link(this.#backend, "back", "10.244.2", "fd00:245::", "5");
    const addresses = [SERVICE.ipv4, SERVICE.ipv6];
    const endpoints = ["10.244.2.5", "fd00:245::5"];
    this.node.nft(kubeProxyTable([{ addresses, port: SERVICE.port, targetPort: 50051, endpoints }]));
  }

  static async open(): Promise<CaptureLab> {
    const lab = new CaptureLab();
    const backend = lab.#run(lab.#backend, ["-e", BACKEND]);
    lab.#client = lab.#run(lab.pod, [join(HERE, "line-client.ts")]);
    await backend.line(/port/);
    return lab;
  }

  /** The program that makes the pod's connections. */
  get client(): Driven {
    return this.#client!;
  }

  /** Starts a generation of a proxy that answers canaries. */
  async proxy(generation: string, plan = planOf(), workers = 2): Promise<Driven> {
    const proxy = this.#run(this.node, [
      join(HERE, "stand-in-proxy.ts"),
      this.runDir,
      generation,
      String(workers),
      plan,
    ]);
    await proxy.line(/port/);
    return proxy;
  }

  /** Starts `isobar capture`. */
  capture(...more: readonly string[]): Driven {
    return this.#run(this.node, [LAUNCHER, "capture", "--run-dir", this.runDir, ...more]);
  }

  /** What capture says of itself. */
  report(): CaptureReport | undefined {
    try {
      return JSON.parse(readFileSync(join(this.runDir, "capture.json"), "utf8")) as CaptureReport;
    } catch {
      return undefined;
    }
  }

  /** Waits until new connections go to a generation. @returns how long it took, in milliseconds. */
  async opened(generation: string, planVersion?: string): Promise<number> {
    const sinceMs = Date.now();
    return await until(
      `new connections go to ${generation}`,
      () => {
        const ended = this.#programs.find((each) => each.hasEnded && each.said.includes("Error"));
        if (ended !== undefined) throw new Error(ended.said);
        const report = this.report();
        const isPlan = planVersion === undefined || report?.planVersion === planVersion;
        return (
          report?.open === true && report.writtenMs >= sinceMs && report.current === generation && isPlan
        );
      },
      () => ({ report: this.report(), said: this.#programs.map((each) => each.said.slice(-600)) }),
      20_000,
    );
  }

  /** @returns what answers a new connection of the pod. */
  async ask(host: string = SERVICE.ipv4, port: number = SERVICE.port): Promise<string> {
    const from = this.client.lines.length;
    this.client.tell(`loop ${host} ${port} 1`);
    const { text } = await this.client.line(/^loop: /, from);
    return Object.keys(JSON.parse(text.slice(6)) as Record<string, number>)[0]!;
  }

  /** Opens a connection of the pod and sees who answers on it. */
  async open(id: string, host: string = SERVICE.ipv4): Promise<string> {
    const from = this.client.lines.length;
    this.client.tell(`open ${id} ${host} ${SERVICE.port}`);
    await this.client.line(new RegExp(`^${id}: open`), from);
    return await this.say(id);
  }

  /** Asks on a connection that is open. @returns the answer, or how it ended. */
  async say(id: string): Promise<string> {
    const from = this.client.lines.length;
    this.client.tell(`say ${id}`);
    const { text } = await this.client.line(new RegExp(`^${id}: `), from);
    return text.slice(id.length + 2);
  }

  /** @returns the table as nft lists it; "" without one. */
  table(): string {
    try {
      return this.node.run("nft", ["list", "table", "inet", "isobar"]);
    } catch {
      return "";
    }
  }

  /** Ends all proxies and captures, and what they left in the kernel. */
  async clear(): Promise<void> {
    for (const program of this.#programs.slice(2).reverse()) await program.end("SIGKILL");
    this.#programs.length = 2;
    this.node.run("nft", ["-f", "-"], "add table inet isobar\ndelete table inet isobar\n");
    rmSync(this.runDir, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const program of this.#programs) await program.end("SIGKILL");
    for (const namespace of [this.pod, this.#backend, this.node]) namespace.remove();
    rmSync(this.runDir, { recursive: true, force: true });
  }

  #run(where: BoxNamespace, args: readonly string[]): Driven {
    const program = new Driven(where, args);
    this.#programs.push(program);
    return program;
  }

  #link(end: BoxNamespace, name: string, v4: string, v6: string, host: string): void {
    this.node.ip(
      `link add ${name} type veth peer name eth0 netns ${end.name}`,
      `addr add ${v4}.1/24 dev ${name}`,
      `addr add ${v6}1/64 dev ${name} nodad`,
      `link set ${name} up`,
    );
    end.ip(
      `addr add ${v4}.${host}/24 dev eth0`,
      `addr add ${v6}${host}/64 dev eth0 nodad`,
      "link set eth0 up",
      `route add default via ${v4}.1`,
      `route add ::/0 via ${v6}1`,
    );
  }
}
