import type { KubeWriter, Manifest } from "../../kube/harness/kube-writer.ts";
import type { NodeNetwork } from "./box-network.ts";
import { BoxPod } from "./box-pod.ts";

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
  /** `ip:port`, "" while there is none. */
  controlPlane = "";
  readonly #folder: string;

  constructor(network: NodeNetwork, name: string, folder: string) {
    this.network = network;
    this.name = name;
    this.#folder = folder;
  }

  /** Its object; to be created, as two addresses of one type cannot be applied. @param index from 0. */
  object(index: number): Manifest {
    const zone = `zone-${"ab"[index % 2]}`;
    const labels = { "topology.kubernetes.io/region": "box", "topology.kubernetes.io/zone": zone };
    const addresses = this.network.addresses.map((address) => ({ type: "InternalIP", address }));
    return { apiVersion: "v1", kind: "Node", metadata: { name: this.name, labels }, status: { addresses } };
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
    return new BoxPod(stored, this.name, network, writer, this.#folder);
  }

  /** Takes a Pod away as kubelets do: its programs get SIGTERM, then its object and its address go. */
  async removePod(pod: BoxPod): Promise<void> {
    await pod.stopPrograms();
    await pod.deleteObject();
    this.network.removePod(pod.network);
  }

  async stop(): Promise<void> {}
}
