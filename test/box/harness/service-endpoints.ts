import type { KubeWriter, Stored } from "../../kube/harness/kube-writer.ts";
import type { TableService } from "./kube-proxy-table.ts";
import type { KubeletPod } from "./kubelet-pod.ts";

/** Services that come without a ClusterIP get one of these. */
const CLUSTER_IPS = "10.99.254";

/** A Service as the API server has it. */
export interface ServiceObject extends Stored {
  readonly spec: {
    readonly clusterIP?: string;
    readonly publishNotReadyAddresses?: boolean;
    readonly selector?: Readonly<Record<string, string>>;
    readonly ports: readonly { readonly name: string; readonly port: number; readonly targetPort: number }[];
  };
}

/** What a cluster does with Services: their ClusterIPs, slices of their Pods, names in the DNS and rows of kube-proxy; of IPv4. */
export class ServiceEndpoints {
  /** The range that ClusterIPs are from. */
  static readonly range = `${CLUSTER_IPS}.0/24`;
  readonly #writer: KubeWriter;
  readonly #namespace: string;
  readonly #names: Map<string, readonly string[]>;
  readonly #isChanged: (key: string, value: object) => boolean;
  #lastIp = 0;

  /** @param names addresses by names, kept here. @param isChanged tells, and remembers, whether something is otherwise than when it was last asked. */
  constructor(
    writer: KubeWriter,
    namespace: string,
    names: Map<string, readonly string[]>,
    isChanged: (key: string, value: object) => boolean,
  ) {
    this.#writer = writer;
    this.#namespace = namespace;
    this.#names = names;
    this.#isChanged = isChanged;
  }

  /** Writes what there is of these Services. @returns kube-proxy's rows. */
  async write(
    services: readonly ServiceObject[],
    pods: readonly KubeletPod[],
  ): Promise<readonly TableService[]> {
    const rows: TableService[] = [];
    const gone = new Set(this.#names.keys());
    for (const service of services) {
      const { metadata, spec } = service;
      const clusterIP = spec.clusterIP ?? (await this.#giveAddress(metadata.name));
      const selected = pods.filter((pod) => !pod.hasEnded && isSelected(pod, spec.selector ?? {}));
      await this.#writeSlice(service, selected);
      const endpoints = selected
        .filter((pod) => isServing(pod, service))
        .map(({ addresses }) => addresses[0]);
      const name = `${metadata.name}.${this.#namespace}.svc.cluster.local`;
      gone.delete(name);
      this.#names.set(name, clusterIP === "None" ? endpoints : [clusterIP]);
      if (clusterIP === "None") continue;
      for (const { port, targetPort } of spec.ports)
        rows.push({ addresses: [clusterIP], port, targetPort, endpoints });
    }
    for (const name of gone) this.#names.delete(name);
    return rows;
  }

  /** As the API server of a cluster does at once. */
  async #giveAddress(name: string): Promise<string> {
    const clusterIP = `${CLUSTER_IPS}.${++this.#lastIp}`;
    const path = `/api/v1/namespaces/${this.#namespace}/services/${name}`;
    const spec = { clusterIP, clusterIPs: [clusterIP], ipFamilies: ["IPv4"], ipFamilyPolicy: "SingleStack" };
    await this.#writer.send("PATCH", path, { spec }, "application/merge-patch+json");
    return clusterIP;
  }

  async #writeSlice(service: ServiceObject, pods: readonly KubeletPod[]): Promise<void> {
    const { metadata, spec } = service;
    const slice = {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: {
        namespace: this.#namespace,
        name: `${metadata.name}-box`,
        labels: { ...metadata.labels, "kubernetes.io/service-name": metadata.name },
      },
      addressType: "IPv4",
      ports: spec.ports.map(({ name, targetPort }) => ({ name, port: targetPort, protocol: "TCP" })),
      endpoints: pods.map((pod) => ({
        addresses: [pod.addresses[0]],
        conditions: { ready: isServing(pod, service), serving: pod.isReady, terminating: pod.isLeaving },
        nodeName: pod.node.name,
        targetRef: {
          kind: "Pod",
          namespace: this.#namespace,
          name: pod.name,
          uid: pod.object.metadata.uid,
        },
      })),
    };
    if (this.#isChanged(slice.metadata.name, slice)) await this.#writer.apply(slice);
  }
}

function isSelected({ object }: KubeletPod, selector: Readonly<Record<string, string>>): boolean {
  const labels = object.metadata.labels as Readonly<Record<string, string>>;
  return Object.entries(selector).every(([key, value]) => labels[key] === value);
}

function isServing({ isReady, isLeaving }: KubeletPod, { spec }: ServiceObject): boolean {
  return !isLeaving && (isReady || spec.publishNotReadyAddresses === true);
}
