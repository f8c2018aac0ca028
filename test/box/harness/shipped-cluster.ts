import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ExecDoor } from "../../cli/harness/exec-door.ts";
import { Child } from "../../clients/harness/child.ts";
import { REPOSITORY } from "../../clients/harness/paths.ts";
import { builtBy, kubectl } from "../../deploy/harness/kubectl.ts";
import { BoxContainer } from "./box-container.ts";
import { BoxControllers } from "./box-controllers.ts";
import type { BoxNode } from "./box-node.ts";
import type { BoxPod } from "./box-pod.ts";
import { BoxShop } from "./box-shop.ts";
import { ClusterDns } from "./cluster-dns.ts";
import type { KubeletPod } from "./kubelet-pod.ts";
import type { ContainerSpec } from "./pod-template.ts";
import { ServiceEndpoints } from "./service-endpoints.ts";
import { shippedImage } from "./shipped-image.ts";

const SYSTEM = "isobar-system";
const KUBECTL_MS = 60_000;
/** ClusterIP of the Service `kubernetes`. */
const API_SERVER = "10.99.255.1";
/** Of this kind the test's API server has none. */
const NOT_SERVED = /^kind: PodDisruptionBudget$/m;
/** What belongs to the whole cluster, and what the installation may have left elsewhere. */
const WHOLE =
  "namespaces,customresourcedefinitions,mutatingwebhookconfigurations,validatingwebhookconfigurations,clusterroles,clusterrolebindings";
const NAMESPACED =
  "serviceaccounts,roles,rolebindings,configmaps,secrets,services,endpointslices,deployments,daemonsets,pods";

/**
 * A cluster in a box on which Isobar is installed by its manifests and by nothing else: `kubectl` applies them, controllers and kubelets of the harness make Pods of them. Its one node has the
 * Service and the Pods of the shop.
 */
export class ShippedCluster implements AsyncDisposable {
  readonly shop: BoxShop;
  readonly controllers: BoxControllers;
  readonly kubeConfig: string;
  readonly #door: ExecDoor;
  readonly #dns: ClusterDns;

  private constructor(shop: BoxShop, door: ExecDoor, dns: ClusterDns, controllers: BoxControllers) {
    this.shop = shop;
    this.#door = door;
    this.#dns = dns;
    this.controllers = controllers;
    this.kubeConfig = door.kubeConfig("admin", "admin");
  }

  static async open(): Promise<ShippedCluster> {
    const image = await shippedImage();
    const shop = await BoxShop.open({ annotations: {}, isobar: false });
    const { box } = shop;
    const stack = new AsyncDisposableStack();
    stack.use(shop);
    try {
      const { outside } = box.network;
      const door = await ExecDoor.start(box.api.port, [outside, API_SERVER]);
      stack.defer(() => door.close());
      const names = new Map<string, readonly string[]>();
      const dns = await ClusterDns.start(outside, (name) => names.get(name));
      stack.defer(() => dns.close());
      await prepare(shop);
      const kubernetes = { addresses: [API_SERVER], port: 443, targetPort: door.port, endpoints: [outside] };
      box.setMoreRows([kubernetes]);
      box.network.joinOutside(ServiceEndpoints.range);
      const settings = {
        trusted: box.trusted,
        apiServerCa: door.ca,
        apiServer: API_SERVER,
        image,
        dns: outside,
        writer: box.writer,
        folder: box.folder,
        nodes: box.nodes,
        names,
        setRows: (rows: Parameters<typeof box.setMoreRows>[0]) => box.setMoreRows([kubernetes, ...rows]),
        onPod: (pod: KubeletPod) => door.pods.set(`${SYSTEM}/${pod.name}`, pod.entered),
      };
      const controllers = new BoxControllers(settings, SYSTEM);
      return new ShippedCluster(shop, door, dns, controllers);
    } catch (error) {
      await stack.disposeAsync();
      throw error;
    }
  }

  get node(): BoxNode {
    return this.shop.box.nodes[0]!;
  }

  /** The newest proxy's Pod. */
  get proxyPod(): KubeletPod {
    return this.controllers.of("isobar").at(-1)!;
  }

  /** @returns the file of what an overlay ships. */
  manifests(overlay: string): string {
    return shippedManifests(this.shop.box.folder, overlay);
  }

  /** Runs a command line of kubectl as the cluster's admin. @returns what it printed. @throws Error when it fails. */
  async kubectl(line: string): Promise<string> {
    const env = { KUBECONFIG: this.kubeConfig };
    const child = new Child({ command: "kubectl", args: line.split(" "), env }, [], REPOSITORY);
    const { code, stdout, stderr } = await child.waitForEnd(KUBECTL_MS);
    if (code !== 0) throw new Error(`kubectl ${line} ended with ${code}: ${stderr}`);
    return stdout;
  }

  /** Runs a container that the webhook has put into a Pod to its end, as the Pod's user, which is nobody's: the image's. @returns its exit code and output. */
  async runWait(pod: BoxPod, { name, args = [] }: ContainerSpec): Promise<string> {
    const env = { NODE_ENV: "production", PATH: "/usr/local/bin:/usr/sbin:/usr/bin" };
    const who = { user: 65_532, group: 65_532, groups: [65_532], capabilities: [], memory: undefined };
    const wish = { args, env, mounts: [], ...who, hostname: pod.name };
    const log = join(this.shop.box.folder, `${pod.name}-${name}.log`);
    const container = await BoxContainer.start(name, pod.machine, await shippedImage(), wish, log);
    const code = await container.waitForEnd(KUBECTL_MS);
    return `${code} ${container.lines.join("\n")}`;
  }

  /** @returns what there is in the API server and in the node's kernel that an installation may leave, line by line. */
  async traces(): Promise<readonly string[]> {
    const { namespace } = this.node.network;
    return [
      await this.kubectl(`get ${WHOLE} -o name`),
      await this.kubectl(`get ${NAMESPACED} -n ${SYSTEM} -o name`),
      namespace.run("nft", ["list", "ruleset"]),
      ...["-4", "-6"].flatMap((family) => [
        namespace.run("ip", [family, "address"]),
        namespace.run("ip", [family, "rule"]),
        namespace.run("ip", [family, "route", "show", "table", "all"]),
      ]),
    ].flatMap((text) => text.split("\n"));
  }

  /** @returns what there is to see of Isobar, for messages of tests that fail. */
  trouble(): object {
    const pods = this.controllers.pods.map((pod) => [
      pod.name,
      { problem: pod.problem, logs: [...pod.containers.values()].map(({ lines }) => lines.slice(-12)) },
    ]);
    return {
      controllers: this.controllers.problem,
      capture: this.node.captureState(),
      ...(Object.fromEntries(pods) as object),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.controllers[Symbol.asyncDispose]();
    this.#dns.close();
    this.#door.close();
    await this.shop[Symbol.asyncDispose]();
  }
}

/** Writes what `kubectl kustomize` makes of an overlay, to the letter, but for the kind that is not served. @returns the file. */
function shippedManifests(folder: string, overlay: string): string {
  const documents = builtBy(`deploy/overlays/${overlay}`).split(/^---\n/m);
  const file = join(folder, `${overlay}.yaml`);
  writeFileSync(file, documents.filter((text) => !NOT_SERVED.test(text)).join("---\n"));
  return file;
}

/** A cluster has nothing of Isobar's, and what kubelets say of their nodes. */
async function prepare({ box }: BoxShop): Promise<void> {
  const { writer } = box;
  const manifests = shippedManifests(box.folder, "default");
  const gone = ["delete", "-f", manifests, "--ignore-not-found", "--wait=false"];
  const { code, stderr } = kubectl(box.api.kubeConfig, gone);
  if (code !== 0) throw new Error(`kubectl ${gone.join(" ")} ended with ${code}: ${stderr}`);
  for (const { name } of box.nodes) {
    const labels = { "kubernetes.io/os": "linux", "kubernetes.io/hostname": name };
    const path = `/api/v1/nodes/${name}`;
    await writer.send("PATCH", path, { metadata: { labels } }, "application/merge-patch+json");
  }
}
