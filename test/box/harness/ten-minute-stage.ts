import { writeFileSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import type { NodeStatus } from "../../../src/admin/node-status.ts";
import { ExecDoor } from "../../cli/harness/exec-door.ts";
import { go } from "../../clients/harness/go.ts";
import { builtBy } from "../../deploy/harness/kubectl.ts";
import { until } from "../../e2e/harness/until.ts";
import type { Manifest } from "../../kube/harness/kube-writer.ts";
import { BoxLoad } from "./box-load.ts";
import type { BoxNode } from "./box-node.ts";
import type { BoxPod } from "./box-pod.ts";
import { BoxShop } from "./box-shop.ts";
import type { Surroundings } from "./transcript.ts";

const SYSTEM = "isobar-system";
const PROXY_POD = "isobar-7k2xq";
const LOOK_MS = 1_000;
/** Open channels are moved bit by bit. */
const LIMIT_MS = 60_000;
/** The test's API server has no such kinds. */
const NOT_SERVED = ["PodDisruptionBudget"];

/** Where the ten minutes are walked: a cluster in a box with one node, a Service of three Pods, and a client with one connection that calls all the while. */
export class TenMinuteStage implements AsyncDisposable {
  readonly shop: BoxShop;
  readonly client: BoxPod;
  readonly load: BoxLoad;
  readonly surroundings: Surroundings;
  readonly #door: ExecDoor;
  readonly #kernel: readonly string[];

  private constructor(shop: BoxShop, client: BoxPod, door: ExecDoor) {
    this.shop = shop;
    this.client = client;
    this.#door = door;
    this.#kernel = kernelOf(this.node);
    this.load = new BoxLoad(client, go, "go", shop.echo);
    const kubeConfig = door.kubeConfig("admin", "admin");
    this.surroundings = {
      cwd: shop.box.folder,
      env: { KUBECONFIG: kubeConfig, ISOBAR_ADMIN_ADDRESS: "", NO_COLOR: "1" },
    };
  }

  static async open(): Promise<TenMinuteStage> {
    const shop = await BoxShop.open({ annotations: {}, isobar: false });
    try {
      const client = await shop.box.pod("shop", "client");
      await shop.box.writer.applyStatus({
        apiVersion: "v1",
        kind: "Node",
        metadata: { name: shop.box.nodes[0]!.name },
        status: { nodeInfo: nodeInfo() },
      });
      return new TenMinuteStage(shop, client, await ExecDoor.start(shop.box.api.port));
    } catch (error) {
      await shop[Symbol.asyncDispose]();
      throw error;
    }
  }

  get node(): BoxNode {
    return this.shop.box.nodes[0]!;
  }

  /** Builds the installation, and writes it without the kinds that are not served here. @returns the file's name. */
  writeInstallation(): string {
    const objects = parseAllDocuments(builtBy("deploy/overlays/default")).map(
      (each) => each.toJS() as Manifest,
    );
    const items = objects.filter(({ kind }) => !NOT_SERVED.includes(kind));
    const file = "isobar.yaml";
    writeFileSync(
      join(this.surroundings.cwd, file),
      JSON.stringify({ apiVersion: "v1", kind: "List", items }),
    );
    return file;
  }

  /** What controllers and kubelets do with the installation: its programs run, and its Pods are there. */
  async startPrograms(): Promise<void> {
    // All picks, so that there is one to explain.
    await this.shop.start({ more: { explain: { sample: 1 } } });
    // What the proxy says of capture is up to a second old.
    await until("the proxy knows that capture is on", async () => {
      const { capture } = JSON.parse(await this.node.proxy.get("/status")) as NodeStatus;
      return capture?.open === true;
    });
    await this.#writeProxyPod();
    this.nameProxy();
  }

  /** Makes commands ask the newest generation, as by `kubectl exec`. */
  nameProxy(): void {
    const { adminSocket } = this.node.proxy;
    this.#door.admins.set(`${SYSTEM}/${PROXY_POD}`, `unix:${adminSocket}`);
  }

  /** What commands find in the container of the node's proxy. */
  get inProxy(): Surroundings {
    const { cwd, env } = this.surroundings;
    return { cwd, env: { ...env, ISOBAR_ADMIN_ADDRESS: `unix:${this.node.proxy.adminSocket}` } };
  }

  /** Lines of the node's tables, addresses, rules and routes that were not there before Isobar, or are not there now. */
  kernelChanges(): readonly string[] {
    const [before, now] = [this.#kernel, kernelOf(this.node)];
    return [...before.filter((line) => !now.includes(line)), ...now.filter((line) => !before.includes(line))];
  }

  /** Waits until the client's calls have a skew. @returns it. */
  async becomes(isWanted: (skew: number) => boolean, what: string): Promise<number> {
    let skew = Number.NaN;
    await until(
      `calls are ${what}`,
      async () => {
        skew = (await this.shop.skews(["go"], LOOK_MS))["go"]!;
        return isWanted(skew);
      },
      () => this.node.trouble(),
      LIMIT_MS,
    );
    return skew;
  }

  /** Calls that the client has begun. */
  get calls(): number {
    return Object.values(this.shop.calls("go")).reduce((sum, each) => sum + each, 0);
  }

  /** Ends what the DaemonSet and the Deployment ran, as their deletion does. */
  async stopPrograms(): Promise<void> {
    await this.node.proxy.stop();
    await this.node.capture.stop();
    await this.shop.box.controlPlane?.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#door.close();
    await this.shop[Symbol.asyncDispose]();
  }

  /** By its labels the commands find it. */
  async #writeProxyPod(): Promise<void> {
    const { writer } = this.shop.box;
    const labels = { "app.kubernetes.io/name": "isobar", "app.kubernetes.io/component": "proxy" };
    const metadata = { namespace: SYSTEM, name: PROXY_POD };
    const spec = { nodeName: this.node.name, containers: [{ name: "proxy", image: "isobar" }] };
    await writer.create({ apiVersion: "v1", kind: "Pod", metadata: { ...metadata, labels }, spec });
    const status = { phase: "Running", conditions: [{ type: "Ready", status: "True" }] };
    await writer.applyStatus({ apiVersion: "v1", kind: "Pod", metadata, status });
  }
}

function kernelOf({ network: { namespace } }: BoxNode): readonly string[] {
  return [
    namespace.run("nft", ["list", "ruleset"]),
    ...["-4", "-6"].flatMap((family) => [
      namespace.run("ip", [family, "address"]),
      namespace.run("ip", [family, "rule"]),
      namespace.run("ip", [family, "route", "show", "table", "all"]),
    ]),
  ]
    .join("\n")
    .split("\n");
}

/** As a kubelet says it; the API server wants all of it. */
function nodeInfo(): object {
  const names = [
    "machineID",
    "systemUUID",
    "bootID",
    "osImage",
    "containerRuntimeVersion",
    "kubeletVersion",
    "kubeProxyVersion",
  ];
  const rest = Object.fromEntries(names.map((name) => [name, ""]));
  return { ...rest, architecture: "amd64", operatingSystem: "linux", kernelVersion: release() };
}
