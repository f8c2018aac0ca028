import type { KubeWriter, Manifest } from "../../kube/harness/kube-writer.ts";
import type { BoxPod } from "./box-pod.ts";
import type { TableService } from "./kube-proxy-table.ts";

/** What a Service of a test is. */
export interface ServiceOptions {
  readonly port?: number;
  /** Default `grpc`, which is captured. */
  readonly portName?: string;
  /** Without their prefix `isobar.dev/`. */
  readonly annotations?: Readonly<Record<string, string>>;
}

const PORT = 50_051;

/** A Service with ClusterIPs, and the slices of its Pods as the endpoints controller writes them: one for each Pod and family. */
export class BoxService {
  readonly name: string;
  readonly namespace: string;
  /** ClusterIPs, IPv4 and IPv6. */
  readonly addresses: readonly [string, string];
  readonly port: number;
  readonly #writer: KubeWriter;
  readonly #portName: string;
  readonly #onChange: () => void;
  readonly #pods = new Set<BoxPod>();

  constructor(
    writer: KubeWriter,
    namespace: string,
    name: string,
    addresses: readonly [string, string],
    { port = PORT, portName = "grpc" }: ServiceOptions,
    onChange: () => void,
  ) {
    this.#writer = writer;
    this.namespace = namespace;
    this.name = name;
    this.addresses = addresses;
    this.port = port;
    this.#portName = portName;
    this.#onChange = onChange;
  }

  /** What clients dial: its first ClusterIP with the port. */
  get target(): string {
    return `${this.addresses[0]}:${this.port}`;
  }

  get target6(): string {
    return `[${this.addresses[1]}]:${this.port}`;
  }

  /** Its name with the port, as clients call it. */
  get authority(): string {
    return `${this.name}.${this.namespace}.svc.cluster.local:${this.port}`;
  }

  /** Its name in Isobar: that of its cluster. */
  get clusterName(): string {
    return `${this.name}.${this.namespace}:${this.port}`;
  }

  /** @param annotations with their prefix; what it had is replaced. */
  async write(annotations: Readonly<Record<string, string>>): Promise<void> {
    await this.#writer.apply({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: this.name, namespace: this.namespace, annotations },
      spec: {
        clusterIP: this.addresses[0],
        clusterIPs: this.addresses,
        ipFamilies: ["IPv4", "IPv6"],
        ipFamilyPolicy: "RequireDualStack",
        selector: { app: this.name },
        ports: [{ name: this.#portName, port: this.port, protocol: "TCP" }],
      },
    });
    this.#onChange();
  }

  /** @returns what its condition of the type says, as `status reason: message`; "" while it has none. */
  async condition(type: string): Promise<string> {
    const { name, namespace } = this;
    const object = { apiVersion: "v1", kind: "Service", metadata: { name, namespace } };
    const { status } = (await this.#writer.get(object)) as unknown as {
      readonly status?: { readonly conditions?: readonly Readonly<Record<string, string>>[] };
    };
    const found = status?.conditions?.find((each) => each["type"] === type);
    return found === undefined ? "" : `${found["status"]} ${found["reason"]}: ${found["message"]}`;
  }

  /** Makes these Pods, too, its endpoints. */
  async add(...pods: readonly BoxPod[]): Promise<void> {
    for (const pod of pods) {
      for (const slice of this.#slices(pod)) await this.#writer.apply(slice);
      this.#pods.add(pod);
    }
    this.#onChange();
  }

  async remove(pod: BoxPod): Promise<void> {
    this.#pods.delete(pod);
    this.#onChange();
    for (const slice of this.#slices(pod)) await this.#writer.delete(slice);
  }

  /** Its row for kube-proxy. */
  forTable(): TableService {
    const endpoints = [...this.#pods].flatMap(({ addresses }) => addresses);
    return { addresses: this.addresses, port: this.port, targetPort: this.port, endpoints };
  }

  #slices(pod: BoxPod): readonly Manifest[] {
    return pod.addresses.map((address, index) => ({
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: {
        name: `${this.name}-${pod.name}-${index}`,
        namespace: this.namespace,
        labels: {
          "kubernetes.io/service-name": this.name,
          "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
        },
      },
      addressType: index === 0 ? "IPv4" : "IPv6",
      ports: [{ name: this.#portName, port: this.port, protocol: "TCP" }],
      endpoints: [
        {
          addresses: [address],
          conditions: { ready: true, serving: true, terminating: false },
          nodeName: pod.node,
          targetRef: { kind: "Pod", namespace: pod.namespace, name: pod.name, uid: pod.uid },
        },
      ],
    }));
  }
}
