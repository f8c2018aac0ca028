import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { KubeWriter, Manifest, Stored } from "../../kube/harness/kube-writer.ts";
import type { BoxNode } from "./box-node.ts";
import type { TableService } from "./kube-proxy-table.ts";
import type { KubeletSettings } from "./kubelet-pod.ts";
import { KubeletPod } from "./kubelet-pod.ts";
import type { PodObject, Workload } from "./pod-template.ts";
import { fitsNode } from "./pod-template.ts";
import type { ServiceObject } from "./service-endpoints.ts";
import { ServiceEndpoints } from "./service-endpoints.ts";

const TURN_MS = 200;
/** What a namespace takes along when it goes, of the kinds that the API server has. */
const CONTENT: readonly (readonly [apiVersion: string, kind: string])[] = [
  ["v1", "Service"],
  ["v1", "ConfigMap"],
  ["v1", "Secret"],
  ["v1", "ServiceAccount"],
  ["v1", "Event"],
  ["discovery.k8s.io/v1", "EndpointSlice"],
];

const KINDS: Readonly<Record<string, string>> = { deployments: "Deployment", daemonsets: "DaemonSet" };

/** What the controllers need of the box. */
export interface ControllerSettings extends KubeletSettings {
  readonly nodes: readonly BoxNode[];
  readonly setRows: (rows: readonly TableService[]) => void;
  /** Addresses of Services by their names in the DNS: kept here. */
  readonly names: Map<string, readonly string[]>;
  /** Told of each Pod that is made. */
  readonly onPod: (pod: KubeletPod) => void;
}

/** What a cluster's controllers, scheduler and kubelets do with the objects of one namespace, several times a second: Pods of Deployments and DaemonSets, ClusterIPs, slices of endpoints, statuses. */
export class BoxControllers implements AsyncDisposable {
  readonly pods: KubeletPod[] = [];
  /** Of what failed in its last turn. */
  problem = "";
  readonly #settings: ControllerSettings;
  readonly #writer: KubeWriter;
  readonly #namespace: string;
  readonly #ends: Promise<unknown>[] = [];
  /** What Pods were made of. */
  readonly #templates = new Map<KubeletPod, string>();
  readonly #written = new Map<string, string>();
  readonly #loop: Promise<void>;
  readonly #endpoints: ServiceEndpoints;
  #isClosed = false;

  constructor(settings: ControllerSettings, namespace: string) {
    this.#settings = settings;
    this.#writer = settings.writer;
    this.#namespace = namespace;
    const isChanged = (key: string, value: object): boolean => this.#isChanged(key, value);
    this.#endpoints = new ServiceEndpoints(settings.writer, namespace, settings.names, isChanged);
    this.#loop = this.#run();
  }

  /** Pods of a Deployment or DaemonSet that have not been told to go. */
  of(workload: string): readonly KubeletPod[] {
    return this.pods.filter(
      (pod) => pod.name.startsWith(`${workload}-`) && !pod.isLeaving && ofWorkload(pod) === workload,
    );
  }

  /** Ends all Pods. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await this.#loop;
    for (const pod of this.pods) for (const each of pod.containers.values()) each.kill();
    await Promise.all(this.pods.filter(({ isLeaving }) => !isLeaving).map((pod) => pod.end()));
    await Promise.all(this.#ends);
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      await this.#turn().then(
        () => {
          this.problem = "";
        },
        (error: Error) => {
          // What was to be written may not have been.
          this.#written.clear();
          this.problem = error.message;
        },
      );
      await sleep(TURN_MS);
    }
  }

  async #turn(): Promise<void> {
    const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: this.#namespace } };
    const isThere = await this.#writer.get(namespace).then(
      () => true,
      () => false,
    );
    if (!isThere) await this.#removeContent();
    const { items: nodes } = (await this.#writer.send("GET", "/api/v1/nodes")) as unknown as {
      readonly items: readonly Stored[];
    };
    const deployments = await this.#list<Workload>("apps/v1", "deployments");
    const daemonSets = await this.#list<Workload>("apps/v1", "daemonsets");
    const wanted = new Map<string, { readonly workload: Workload; readonly nodes: readonly string[] }>();
    for (const workload of daemonSets) {
      const fitting = nodes.filter(({ metadata }) =>
        fitsNode(workload.spec.template.spec, (metadata.labels ?? {}) as Readonly<Record<string, string>>),
      );
      wanted.set(workload.metadata.name, { workload, nodes: fitting.map(({ metadata }) => metadata.name) });
    }
    for (const workload of deployments) {
      const places = Array.from(
        { length: workload.spec.replicas ?? 1 },
        (_, index) => this.#settings.nodes[index % this.#settings.nodes.length]!.name,
      );
      wanted.set(workload.metadata.name, { workload, nodes: places });
    }
    for (const pod of this.pods.filter(({ isLeaving }) => !isLeaving)) {
      const owner = wanted.get(ofWorkload(pod));
      if (owner?.nodes.includes(pod.node.name) !== true || this.#isReplaced(pod, owner.workload))
        this.#end(pod);
    }
    for (const [name, { workload, nodes: places }] of wanted) await this.#fill(name, workload, places);
    const services = await this.#list<ServiceObject>("v1", "services");
    const rows = await this.#endpoints.write(services, this.pods);
    if (this.#isChanged("rows", rows)) this.#settings.setRows(rows);
    for (const { workload } of wanted.values())
      await this.#writeStatus(workload, wanted.get(workload.metadata.name)!.nodes.length);
  }

  /** As both of our strategies say: one more is there, and ready, before one goes. */
  #isReplaced(pod: KubeletPod, workload: Workload): boolean {
    const isNew = (each: KubeletPod): boolean => this.#templates.get(each) === templateOf(workload);
    const others = this.of(workload.metadata.name).filter((each) => each.node === pod.node && isNew(each));
    return !isNew(pod) && others.length > 0 && others.every(({ isReady }) => isReady);
  }

  async #list<T extends Stored>(apiVersion: string, plural: string): Promise<readonly T[]> {
    const kind = KINDS[plural] ?? "";
    const items = await this.#writer.list(apiVersion, plural, this.#namespace);
    // What is listed says nothing of its kind.
    return items.map((each) => ({ ...each, apiVersion, kind }) as T);
  }

  async #fill(name: string, workload: Workload, places: readonly string[]): Promise<void> {
    const { kind, metadata, spec } = workload;
    const template = templateOf(workload);
    const there = this.of(name)
      .filter((pod) => this.#templates.get(pod) === template)
      .map(({ node }) => node.name);
    for (const place of places) {
      const index = there.indexOf(place);
      if (index >= 0) {
        there.splice(index, 1);
        continue;
      }
      const { labels, annotations = {} } = spec.template.metadata;
      const object = (await this.#writer.create({
        apiVersion: "v1",
        kind: "Pod",
        metadata: {
          namespace: this.#namespace,
          name: `${name}-${randomBytes(3).toString("hex").slice(0, 5)}`,
          labels,
          annotations,
          ownerReferences: [{ apiVersion: "apps/v1", kind, name, uid: metadata.uid, controller: true }],
        } as Manifest["metadata"],
        spec: { ...spec.template.spec, nodeName: place },
      })) as PodObject;
      const node = this.#settings.nodes.find((each) => each.name === place)!;
      const pod = new KubeletPod(object, node, this.#settings);
      this.#templates.set(pod, template);
      this.pods.push(pod);
      this.#settings.onPod(pod);
      pod.start();
    }
  }

  /** By the API server first, as whoever deletes a Pod does: it stays with a time of deletion until its kubelet is done. */
  #end(pod: KubeletPod): void {
    const { namespace, name } = pod.object.metadata;
    const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
    pod.isLeaving = true;
    this.#ends.push(
      this.#writer
        .send("DELETE", path)
        .catch(() => {})
        .then(() => pod.end()),
    );
  }

  async #writeStatus(workload: Workload, wanted: number): Promise<void> {
    const { apiVersion, kind, metadata } = workload;
    const template = templateOf(workload);
    const updated = this.of(metadata.name).filter((pod) => this.#templates.get(pod) === template).length;
    const ready = this.of(metadata.name).filter(({ isReady }) => isReady).length;
    const there = this.of(metadata.name).length;
    const observedGeneration = metadata.generation;
    const status =
      kind === "DaemonSet"
        ? {
            observedGeneration,
            currentNumberScheduled: there,
            desiredNumberScheduled: wanted,
            updatedNumberScheduled: updated,
            numberMisscheduled: 0,
            numberReady: ready,
            numberAvailable: ready,
          }
        : {
            observedGeneration,
            replicas: there,
            updatedReplicas: updated,
            readyReplicas: ready,
            availableReplicas: ready,
          };
    const { name } = metadata;
    if (this.#isChanged(`${kind}/${name}`, status))
      await this.#writer.applyStatus({
        apiVersion,
        kind,
        metadata: { namespace: this.#namespace, name },
        status,
      });
  }

  /** The namespace controller's part. */
  async #removeContent(): Promise<void> {
    for (const [apiVersion, kind] of CONTENT) {
      for (const { metadata } of await this.#list(apiVersion, `${kind.toLowerCase()}s`))
        await this.#writer.delete({
          apiVersion,
          kind,
          metadata: { namespace: this.#namespace, name: metadata.name },
        });
    }
    this.#written.clear();
  }

  #isChanged(key: string, value: object): boolean {
    const text = JSON.stringify(value);
    if (this.#written.get(key) === text) return false;
    this.#written.set(key, text);
    return true;
  }
}

function templateOf({ spec }: Workload): string {
  return JSON.stringify(spec.template);
}

function ofWorkload({ object }: KubeletPod): string {
  const { ownerReferences = [] } = object.metadata as {
    readonly ownerReferences?: readonly { readonly name: string }[];
  };
  return ownerReferences[0]?.name ?? "";
}
