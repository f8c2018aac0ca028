import { EchoBackend } from "../../xds/client/echo-backends.ts";
import type { KubeWriter, Manifest } from "./kube-writer.ts";

/** What a Service of a test is. */
export interface EchoServiceOptions {
  readonly annotations?: object;
  readonly spec?: object;
}

/** The namespace of {@link EchoPods}. */
export const NAMESPACE = "shop";

/** A Service of one cluster and its Pods, each a backend of its own at an address of its own, with a slice of its own. */
export class EchoPods {
  readonly service: string;
  readonly backends = new Map<string, EchoBackend>();
  readonly #writer: KubeWriter;
  readonly #net: string;
  readonly #more: object;
  #made = 0;

  /** @param net the beginning of the Pods' addresses, such as `127.7.0`. @param more of every endpoint, such as its node. */
  constructor(writer: KubeWriter, service: string, net: string, more: object = {}) {
    this.#writer = writer;
    this.service = service;
    this.#net = net;
    this.#more = more;
  }

  /** Writes the namespace and the Service, with the port 50051. */
  async open({ annotations = {}, spec = {} }: EchoServiceOptions = {}): Promise<void> {
    await this.#writer.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } });
    await this.#writer.apply({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: this.service, namespace: NAMESPACE, annotations },
      spec: { ports: [{ name: "grpc", port: 50051, protocol: "TCP" }], clusterIPs: ["10.96.0.9"], ...spec },
    });
  }

  /** Starts one more Pod, whose calls are answered with its name. @returns its address. */
  async add(name: string, more: object = {}): Promise<string> {
    // As in a cluster, addresses come again.
    const host = `${this.#net}.${1 + (this.#made++ % 250)}`;
    await this.addAt(name, host, 0, more);
    return host;
  }

  /** As {@link add}, at an address and a port that another Pod may have had. */
  async addAt(name: string, host: string, port: number, more: object = {}): Promise<void> {
    const backend = await EchoBackend.start(name, host, port);
    this.backends.set(name, backend);
    await this.#writer.apply(this.#slice(name, host, backend.port, more));
  }

  /** As {@link add}, with a Pod that the API server knows. */
  async addKnown(name: string): Promise<string> {
    const { metadata } = await this.#writer.apply(podObject(name));
    return this.add(name, { targetRef: { kind: "Pod", namespace: NAMESPACE, name, uid: metadata.uid } });
  }

  /** Deletes the Pod of {@link addKnown}; its slice stays. */
  async deleteKnown(name: string): Promise<void> {
    await this.#writer.delete(podObject(name));
  }

  /** Takes a Pod away as a rolling update does: first out of the slices, then it ends with what it has. */
  async remove(name: string): Promise<void> {
    await this.hide(name);
    await this.end(name);
  }

  /** Takes a Pod out of the slices and lets it live. */
  async hide(name: string): Promise<void> {
    await this.#writer.delete(this.#slice(name, "", 0, {}));
  }

  /** Ends a Pod with what it has, and nobody tells the API server: its slice stays. */
  async end(name: string): Promise<void> {
    await this.backends.get(name)?.drain();
    this.backends.delete(name);
  }

  close(): void {
    for (const backend of this.backends.values()) backend.stop();
  }

  #slice(name: string, host: string, port: number, more: object): Manifest {
    return {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: {
        name: `${this.service}-${name}`,
        namespace: NAMESPACE,
        labels: { "kubernetes.io/service-name": this.service },
      },
      addressType: "IPv4",
      ports: [{ name: "grpc", port, protocol: "TCP" }],
      endpoints: [
        {
          addresses: [host],
          conditions: { ready: true, serving: true, terminating: false },
          targetRef: { kind: "Pod", namespace: NAMESPACE, name, uid: `uid-${name}` },
          ...this.#more,
          ...more,
        },
      ],
    };
  }
}

function podObject(name: string): Manifest {
  const spec = { containers: [{ name: "echo", image: "echo" }] };
  return { apiVersion: "v1", kind: "Pod", metadata: { name, namespace: NAMESPACE }, spec };
}
