import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ApiServer } from "../../kube/harness/api-server.ts";
import type { KubeWriter } from "../../kube/harness/kube-writer.ts";
import { NETWORK_POLICY_CRD } from "../../kube/harness/network-policy-crd.ts";
import { LoggedControlPlane, TrustedCluster } from "../../kube/harness/trusted-cluster.ts";
import { BoxLock } from "./box-lock.ts";
import { BoxNetwork } from "./box-network.ts";
import { BoxNode } from "./box-node.ts";
import type { BoxPod } from "./box-pod.ts";
import type { ServiceOptions } from "./box-service.ts";
import { BoxService } from "./box-service.ts";
import type { TableService } from "./kube-proxy-table.ts";
import { kubeProxyTable } from "./kube-proxy-table.ts";
import { isobarOf } from "./logged-program.ts";
import type { Release } from "./releases.ts";

const SYSTEM = "isobar-system";

/** What a Pod of a test is. */
export interface PodOptions {
  /** Index of its node. */
  readonly node?: number;
  readonly labels?: Readonly<Record<string, string>>;
  /** Without their prefix `isobar.dev/`. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** IPv4 address of a Pod that is gone. */
  readonly address?: string;
}

/**
 * A cluster in a box: network namespaces are its nodes and Pods, a table of nftables on each node its kube-proxy; the API server is a real
 * one, and so is everything of Isobar's. The harness is kubelet and controllers: it writes what they would.
 */
export class BoxCluster implements AsyncDisposable {
  readonly network: BoxNetwork;
  readonly nodes: readonly BoxNode[];
  /** Its API server, with the permissions that the product asks for. */
  readonly trusted: TrustedCluster;
  /** Of this cluster alone: configurations, logs, journals. */
  readonly folder: string;
  readonly #services: BoxService[] = [];
  #moreRows: readonly TableService[] = [];
  readonly #stopped: (() => Promise<unknown>)[] = [];
  #controlPlane: LoggedControlPlane | undefined;
  #lock: BoxLock | undefined;

  private constructor(network: BoxNetwork, trusted: TrustedCluster, folder: string) {
    this.network = network;
    this.trusted = trusted;
    this.folder = folder;
    this.nodes = network.nodes.map((each, index) => new BoxNode(each, `node-${index + 1}`, folder));
  }

  /** Waits until there is no other box on this machine. @param nodes how many. */
  static async open(nodes: number): Promise<BoxCluster> {
    const lock = await BoxLock.acquire();
    try {
      const cluster = await BoxCluster.#open(nodes);
      cluster.#lock = lock;
      return cluster;
    } catch (error) {
      lock[Symbol.dispose]();
      throw error;
    }
  }

  static async #open(nodes: number): Promise<BoxCluster> {
    const trusted = await TrustedCluster.start();
    const folder = mkdtempSync(join(tmpdir(), "isobox-"));
    const cluster = new BoxCluster(BoxNetwork.open(nodes), trusted, folder);
    try {
      await trusted.api.writer.install(NETWORK_POLICY_CRD);
      await trusted.account(SYSTEM, "isobar-proxy");
      for (const node of cluster.nodes) await cluster.writer.create(node.object());
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  get api(): ApiServer {
    return this.trusted.api;
  }

  get writer(): KubeWriter {
    return this.api.writer;
  }

  /** Runs `isobar control-plane` outside of the nodes. @param args more of its options. */
  async startControlPlane(...args: readonly string[]): Promise<LoggedControlPlane> {
    await this.#writeFleet();
    const started = await this.#runControlPlane(["--address", `${this.network.outside}:0`, ...args]);
    const tls = await this.trusted.trusted();
    for (const node of this.nodes) {
      const name = `isobar-proxy-${node.name}`;
      await this.trusted.pod(SYSTEM, name, node.name);
      const token = await this.trusted.token(`${SYSTEM}/isobar-proxy`, { pod: name });
      node.knowControlPlane(started.address, tls, token);
    }
    return started;
  }

  /** Ends the control plane, and runs another at its address. @param release another one than today's. */
  async replaceControlPlane(release?: Release): Promise<LoggedControlPlane> {
    const address = this.#controlPlane!.address;
    await this.#controlPlane!.stop();
    return this.#runControlPlane(["--address", address], release);
  }

  async #runControlPlane(args: readonly string[], release?: Release): Promise<LoggedControlPlane> {
    const source = ["--kubeconfig", await this.trusted.kubeConfig()];
    const program = isobarOf(release);
    this.#controlPlane = await LoggedControlPlane.start(this.folder, [...source, ...args], program);
    return this.#controlPlane;
  }

  /** The headless Service that names the proxies, as it comes with their DaemonSet: policies have to let them in by these addresses. */
  async #writeFleet(): Promise<void> {
    await this.trusted.service(SYSTEM, "isobar-proxy");
    for (const node of this.nodes) {
      for (const [index, address] of node.network.addresses.entries()) {
        await this.writer.apply({
          apiVersion: "discovery.k8s.io/v1",
          kind: "EndpointSlice",
          metadata: {
            namespace: SYSTEM,
            name: `isobar-proxy-${node.name}-${index}`,
            labels: { "kubernetes.io/service-name": "isobar-proxy" },
          },
          addressType: index === 0 ? "IPv4" : "IPv6",
          ports: [{ name: "grpc", port: 15001, protocol: "TCP" }],
          endpoints: [{ addresses: [address], conditions: { ready: true }, nodeName: node.name }],
        });
      }
    }
  }

  get controlPlane(): LoggedControlPlane | undefined {
    return this.#controlPlane;
  }

  /** Writes a namespace. @param annotations without their prefix `isobar.dev/`; what it had is replaced. */
  async namespace(name: string, annotations: Readonly<Record<string, string>> = {}): Promise<void> {
    const labels = { "kubernetes.io/metadata.name": name };
    const metadata = { name, labels, annotations: ownAnnotations(annotations) };
    await this.writer.apply({ apiVersion: "v1", kind: "Namespace", metadata });
  }

  /** Writes a Service with addresses of both families; kube-proxy knows it at once. */
  async service(namespace: string, name: string, options: ServiceOptions = {}): Promise<BoxService> {
    const number = this.#services.length + 1;
    const addresses = [`10.99.${number >> 8}.${number & 255}`, `fd00:99::${number.toString(16)}`] as const;
    const service = new BoxService(this.writer, namespace, name, addresses, options, () => this.#setTables());
    this.#services.push(service);
    await service.write(ownAnnotations(options.annotations ?? {}));
    return service;
  }

  /** Makes kube-proxy know these ports of Services, too, which others than {@link service} have written; it forgets those of the last time. */
  setMoreRows(rows: readonly TableService[]): void {
    this.#moreRows = rows;
    this.#setTables();
  }

  /** Starts a Pod: its place in the network, and its object with the addresses. What runs in it is the caller's. */
  async pod(namespace: string, name: string, options: PodOptions = {}): Promise<BoxPod> {
    const { node = 0, labels = {}, annotations = {}, address } = options;
    const pod = await this.nodes[node]!.addPod(this.writer, {
      namespace,
      name,
      labels,
      annotations: ownAnnotations(annotations),
      address,
    });
    this.onClose(() => pod.stopPrograms());
    return pod;
  }

  /** Is awaited when the cluster is closed; the newest first. */
  onClose(stop: () => Promise<unknown>): void {
    this.#stopped.push(stop);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const stop of this.#stopped.reverse()) await stop();
    await Promise.all(this.nodes.map((node) => node.stop()));
    await this.#controlPlane?.stop();
    await this.trusted.close();
    this.network[Symbol.dispose]();
    rmSync(this.folder, { recursive: true, force: true });
    this.#lock?.[Symbol.dispose]();
  }

  #setTables(): void {
    const text = kubeProxyTable([...this.#services.map((each) => each.forTable()), ...this.#moreRows]);
    for (const node of this.network.nodes) node.namespace.nft(text);
  }
}

function ownAnnotations(annotations: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(annotations).map(([key, value]) => [key.includes("/") ? key : `isobar.dev/${key}`, value]),
  );
}
