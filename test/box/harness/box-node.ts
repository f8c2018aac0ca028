import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ControlPlaneTls } from "../../../src/xds/client/grpc-ads-transport.ts";
import type { KubeWriter, Manifest } from "../../kube/harness/kube-writer.ts";
import type { NodeNetwork } from "./box-network.ts";
import { BoxPod } from "./box-pod.ts";
import type { ProxyWish } from "./box-proxy.ts";
import { BoxProxy, readJson } from "./box-proxy.ts";
import { LAUNCHER, LoggedProgram } from "./logged-program.ts";

/** The section metrics of a proxy's configuration; one proxy of a node may have it at a time. */
export const METRICS = { address: "127.0.0.1:15020" } as const;

/** Takes what capture makes in a node's kernel out of it. */
const FORGET = `nft delete table inet isobar
for to in 240.18.0.0/16 169.254.77.1; do ip -4 route del local $to dev lo; done
ip -6 route del local fd00:77::/64 dev lo
true`;
const OF_ISOBAR = /\bisobar\b|^local (240\.18\.|169\.254\.77\.1\b|fd00:77:)/;

/** What `isobar capture` writes of itself. */
export interface CaptureState {
  readonly current: string | null;
  /** Whether new connections go to it. */
  readonly open: boolean;
  readonly generations: readonly {
    readonly generation: string;
    readonly alive: boolean;
    readonly planVersion: string;
  }[];
  readonly bypassed: readonly { readonly service: string; readonly connections: number }[];
  readonly capturedTotal: number;
  readonly pastTotal: number;
  readonly reclaimedTotal: number;
  readonly refusedTotal: number;
  readonly failOpenSecondsTotal: number;
}

/** What a generation of the proxy wants captured. */
export interface Plan {
  readonly version: string;
  readonly services: readonly { readonly service: string; readonly addresses: readonly string[] }[];
  readonly callers: readonly {
    readonly uid: string;
    readonly addresses: readonly string[];
    readonly mode: string;
  }[];
}

interface PodWish {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** With their prefix. */
  readonly annotations: Readonly<Record<string, string>>;
  readonly address: string | undefined;
}

/** A node: its Pods, and what Isobar runs on it. */
export class BoxNode {
  readonly network: NodeNetwork;
  readonly name: string;
  /** What proxies and capture of this node share. */
  readonly runDir: string;
  readonly #folder: string;
  readonly #proxies: BoxProxy[] = [];
  readonly #pods = new Set<BoxPod>();
  #controlPlane: object | undefined;
  #capture: LoggedProgram | undefined;
  #captures = 0;

  constructor(network: NodeNetwork, name: string, folder: string) {
    this.network = network;
    this.name = name;
    this.#folder = folder;
    this.runDir = join(folder, name);
    mkdirSync(this.runDir);
  }

  /** From now on proxies ask this control plane. @param token of the proxy's Pod on this node. */
  knowControlPlane(address: string, { ca, serverName }: ControlPlaneTls, token: string): void {
    const [caFile, tokenFile] = [
      join(this.#folder, `${this.name}-ca.crt`),
      join(this.#folder, `${this.name}-token`),
    ];
    writeFileSync(caFile, ca);
    writeFileSync(tokenFile, token);
    this.#controlPlane = { addresses: [address], tls: { mode: "SIMPLE", caFile, serverName }, tokenFile };
  }

  /** Starts a generation of the proxy beside those there are. */
  startProxy(wish: Pick<ProxyWish, "more" | "breakable" | "release"> = {}): BoxProxy {
    const proxy = BoxProxy.start(this.network.namespace, this.#folder, {
      generation: `g${this.#proxies.length + 1}`,
      node: this.name,
      controlPlane: this.#controlPlane,
      hostAddress: this.network.addresses[0],
      runDir: this.runDir,
      ...wish,
    });
    this.#proxies.push(proxy);
    return proxy;
  }

  /** Starts `isobar capture`; the one before has ended, or goes on beside it. */
  startCapture(...args: readonly string[]): LoggedProgram {
    const log = join(this.#folder, `${this.name}-capture-${++this.#captures}.log`);
    this.#capture = new LoggedProgram(this.network.namespace, log, [
      LAUNCHER,
      "capture",
      "--run-dir",
      this.runDir,
      ...args,
    ]);
    return this.#capture;
  }

  /** The newest generation. */
  get proxy(): BoxProxy {
    return this.#proxies.at(-1)!;
  }

  /** The newest capture. */
  get capture(): LoggedProgram {
    return this.#capture!;
  }

  /** What capture says of itself; undefined before it has said anything. */
  captureState(): CaptureState | undefined {
    return readJson<CaptureState>(join(this.runDir, "capture.json"));
  }

  /** Its object; to be created, as two addresses of one type cannot be applied. */
  object(): Manifest {
    // All of one zone: proxies know theirs, and would rather not send calls to others.
    const labels = { "topology.kubernetes.io/region": "box", "topology.kubernetes.io/zone": "zone-a" };
    const addresses = this.network.addresses.map((address) => ({ type: "InternalIP", address }));
    return { apiVersion: "v1", kind: "Node", metadata: { name: this.name, labels }, status: { addresses } };
  }

  /** @returns whether the kernel has the current generation's plan, and what is wanted is so in it. */
  holds(wanted: (plan: Plan) => boolean): boolean {
    const state = this.captureState();
    const generation = state?.generations.find((each) => each.generation === state.current);
    if (generation === undefined) return false;
    const plan = readJson<Plan>(join(this.runDir, generation.generation, "plan.json"));
    return plan !== undefined && generation.planVersion === plan.version && wanted(plan);
  }

  /** @returns what there is to see of Isobar on this node, for messages of tests that fail. */
  trouble(): object {
    const proxies = this.#proxies.map(({ generation, program }) => [generation, program.lines.slice(-15)]);
    const capture = this.#capture?.lines.slice(-15);
    return { ...Object.fromEntries(proxies), capture, state: this.captureState() };
  }

  /** @returns in words what capture says of connections that went past the proxy: those are reset later so that they come back, and their calls fail. */
  account(): string {
    const state = this.captureState();
    const said = (this.#capture?.lines ?? []).filter((line) =>
      /past the proxy|"message":"new connections/.test(line),
    );
    if (state === undefined) return "capture has said nothing";
    const { capturedTotal, pastTotal, reclaimedTotal, failOpenSecondsTotal, bypassed, current } = state;
    const now = bypassed.reduce((sum, { connections }) => sum + connections, 0);
    return [
      `${capturedTotal} connections were led to a proxy, now ${current}; ${pastTotal} began past it while the gate was closed (${failOpenSecondsTotal} s), ${reclaimedTotal} of them were reset, ${now} are open`,
      ...(pastTotal > 0 ? said : []),
    ].join("\n");
  }

  /** Does what scheduler, kubelet and network plugin do for a Pod. */
  async addPod(writer: KubeWriter, wish: PodWish): Promise<BoxPod> {
    const { namespace, name, labels, annotations, address } = wish;
    const network = this.network.addPod(address);
    const object = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { namespace, name, labels, annotations },
      spec: {
        nodeName: this.name,
        serviceAccountName: "default",
        containers: [{ name: "main", image: "echo" }],
      },
    };
    const { metadata } = await writer.apply(object);
    await writer.applyStatus({
      ...object,
      metadata: { namespace, name },
      status: {
        phase: "Running",
        podIP: network.addresses[0],
        podIPs: network.addresses.map((ip) => ({ ip })),
        hostIP: this.network.addresses[0],
        conditions: [{ type: "Ready", status: "True" }],
      },
    });
    const stored = { ...object, metadata: { ...object.metadata, uid: metadata.uid } };
    const pod = new BoxPod(stored, this.name, network, writer, this.#folder);
    this.#pods.add(pod);
    return pod;
  }

  /** Takes a Pod away as kubelets do: its programs get SIGTERM, then its object and its address go. */
  async removePod(pod: BoxPod): Promise<void> {
    this.#pods.delete(pod);
    await pod.stopPrograms();
    await pod.deleteObject();
    this.network.removePod(pod.network);
  }

  /**
   * As when it is started again: all programs of it and of its Pods are killed, the kernel has nothing of Isobar's and `/run` is empty. Places and objects of
   * its Pods stay, as does kube-proxy's table, which would be back first.
   */
  async reboot(): Promise<void> {
    const programs = [
      ...this.#proxies.map(({ program }) => program),
      ...(this.#capture ? [this.#capture] : []),
    ];
    await Promise.all(programs.map((program) => program.kill()));
    await Promise.all([...this.#pods].map((pod) => pod.killPrograms()));
    this.network.namespace.run("sh", ["-c", FORGET]);
    rmSync(this.runDir, { recursive: true });
    mkdirSync(this.runDir);
  }

  /** Asks a proxy that was started with {@link METRICS}. @returns the lines of its metrics that begin so. */
  metrics(name: string): readonly string[] {
    const script = `fetch("http://${METRICS.address}/metrics").then(async (answer) => process.stdout.write(await answer.text()))`;
    const text = this.network.namespace.run(process.execPath, ["-e", script]);
    return text.split("\n").filter((line) => line.startsWith(name));
  }

  /** What there is of Isobar's in its kernel: tables and routes. */
  leftovers(): readonly string[] {
    const { namespace } = this.network;
    const [tables, routes4, routes6] = [
      namespace.run("nft", ["list", "tables"]),
      namespace.run("ip", ["-4", "route", "show", "table", "local"]),
      namespace.run("ip", ["-6", "route", "show", "table", "local"]),
    ];
    return [tables, routes4, routes6]
      .join("\n")
      .split("\n")
      .filter((line) => OF_ISOBAR.test(line));
  }

  async stop(): Promise<void> {
    await this.#capture?.stop();
    await Promise.all(this.#proxies.map((proxy) => proxy.stop()));
  }
}
