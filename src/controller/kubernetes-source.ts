import type { Random } from "../base/random.ts";
import { SeededRandom } from "../base/random.ts";
import { ApiClient } from "../kube/api-client.ts";
import type { KubeConfigChoice } from "../kube/api-connection.ts";
import { ApiConnection } from "../kube/api-connection.ts";
import type { KubeObject } from "../kube/kube-object.ts";
import type { ObjectChange } from "../kube/object-store.ts";
import { ObjectStore } from "../kube/object-store.ts";
import type { EndpointSliceObject } from "../kube/objects/endpoint-slice-object.ts";
import { ENDPOINT_SLICES } from "../kube/objects/endpoint-slice-object.ts";
import type { GrpcRouteObject } from "../kube/objects/grpc-route-object.ts";
import { GRPC_ROUTES } from "../kube/objects/grpc-route-object.ts";
import type { NamespaceObject } from "../kube/objects/namespace-object.ts";
import { NAMESPACES } from "../kube/objects/namespace-object.ts";
import { NETWORK_POLICIES } from "../kube/objects/network-policy-object.ts";
import { NODES } from "../kube/objects/node-object.ts";
import type { PodObject } from "../kube/objects/pod-object.ts";
import { PODS } from "../kube/objects/pod-object.ts";
import { REFERENCE_GRANTS } from "../kube/objects/reference-grant-object.ts";
import type { ServiceObject } from "../kube/objects/service-object.ts";
import { SERVICES } from "../kube/objects/service-object.ts";
import type { TrafficPolicyObject } from "../kube/objects/traffic-policy-object.ts";
import { TRAFFIC_POLICIES } from "../kube/objects/traffic-policy-object.ts";
import type { ReflectorTimes } from "../kube/reflector.ts";
import { REFLECTOR_TIMES, Reflector } from "../kube/reflector.ts";
import { ReflectorStats } from "../kube/reflector-stats.ts";
import type { ResourceKind } from "../kube/resource-kind.ts";
import type { ServiceSink } from "../resource/service-source.ts";
import type { Log } from "../telemetry/log.ts";
import type { AccessBook, AccessChange } from "./access/access-book.ts";
import { CaptureController } from "./capture/capture-controller.ts";
import type { CaptureSink } from "./capture/capture-sink.ts";
import type { ClusterObjects } from "./cluster-objects.ts";
import type { ClusterSource } from "./clusters/cluster-source.ts";
import { Controller } from "./controller.ts";
import { SILENT_VERDICTS } from "./silent-verdicts.ts";
import { StatusWriter } from "./status-writer.ts";
import type { Verdicts } from "./verdicts.ts";
import { WrittenVerdicts } from "./written-verdicts.ts";

/** Which cluster, and how it is read. */
export interface KubernetesSourceOptions {
  /** Told of every TrafficPolicy, for the audit. */
  readonly onPolicy?: (change: ObjectChange<TrafficPolicyObject>) => void;
  /** Told of every GRPCRoute, likewise. */
  readonly onRoute?: (change: ObjectChange<GrpcRouteObject>) => void;
  /** The cluster's name, in metrics; default {@link OWN_CLUSTER}. */
  readonly name?: string;
  /** It is another cluster than the one whose clients are served: nothing is written into it, its routes do not count, and of its Services those that are one with ours. */
  readonly isForeign?: boolean;
  /** Whether Services that say nothing are one with their like in other clusters; default: not. */
  readonly globalByDefault?: boolean;
  /** Told of every slice before anything is made of it. */
  readonly onSlice?: (
    previous: EndpointSliceObject | undefined,
    current: EndpointSliceObject | undefined,
  ) => void;
  /** Told of every Namespace and Service that has changed; of those that went, with undefined. */
  readonly onAnnotated?: (
    previous: NamespaceObject | ServiceObject | undefined,
    current: NamespaceObject | ServiceObject | undefined,
  ) => void;
  /** Told which Services are captured; default: nobody finds out. */
  readonly capture?: CaptureSink;
  /** The Service whose endpoints are the proxies, `namespace/name`: what policies say of their addresses decides what is captured. Default: not known. */
  readonly proxies?: string;
  /** Told when NetworkPolicies have changed. */
  readonly onAccess?: (change: AccessChange) => void;
  /** Told when nodes have changed. */
  readonly onNode?: () => void;
  readonly kubeConfig?: KubeConfigChoice;
  /** Domain of the cluster's DNS names. Default `cluster.local`. */
  readonly clusterDomain?: string;
  readonly log: Log;
  /** Default: seeded by the time. */
  readonly random?: Random;
  /** For tests. */
  readonly times?: ReflectorTimes;
}

/** How the cluster is called whose clients are served. */
export const OWN_CLUSTER = "own";

/** Failures for so long mean that the API is away. */
const LOST_MS = 3_000;

/** What there is to know of a source at work; for metrics. */
export interface KubernetesSourceStats {
  readonly cluster: string;
  /** Whether its API cannot be reached. */
  readonly isLost: boolean;
  readonly reflectors: readonly ReflectorStats[];
  readonly hasSynced: boolean;
  /** Keys that wait to be looked at. */
  readonly queueDepth: number;
  /** Services given, one for each port, and their endpoints. */
  readonly services: number;
  readonly endpoints: number;
  readonly statusesWritten: number;
  readonly statusesLost: number;
}

/**
 * Services of a Kubernetes cluster. Nothing is given before every kind has been listed once, but for Pods: only services that look at their Pods' labels wait for
 * those.
 */
export class KubernetesSource implements ClusterSource {
  readonly name: string;
  readonly #options: KubernetesSourceOptions;
  readonly #random: Random;
  readonly #connection: ApiConnection;
  readonly #writer: StatusWriter;
  readonly #reflectors: Reflector<never>[] = [];
  /** Begun when the others have had everything: a cluster has more Pods than all else together, and little is asked of them. */
  #pods: Reflector<PodObject> | undefined;
  readonly #stats: ReflectorStats[] = [];
  readonly #api: ApiClient;
  #controller: Controller | undefined;
  #capture: CaptureController | undefined;
  #verdicts: Verdicts = SILENT_VERDICTS;
  #objects: ClusterObjects | undefined;
  #regions: ReadonlySet<string> | undefined;
  #closed = false;

  /** @throws Error in words for people, when there is no usable kubeconfig. */
  constructor(options: KubernetesSourceOptions) {
    this.#options = options;
    this.name = options.name ?? OWN_CLUSTER;
    this.#random = options.random ?? new SeededRandom(Date.now());
    this.#connection = new ApiConnection(options.kubeConfig);
    this.#api = new ApiClient(this.#connection);
    this.#writer = new StatusWriter(this.#api, options.log, this.#random);
  }

  /** Regions of its nodes; those without one have none. */
  get regions(): ReadonlySet<string> {
    if (this.#regions === undefined) {
      const regions = new Set<string>();
      for (const { region } of this.#objects?.nodes.values() ?? []) if (region !== "") regions.add(region);
      this.#regions = regions;
    }
    return this.#regions;
  }

  /** Whether its API has not answered for some seconds. */
  get isLost(): boolean {
    const nowMs = performance.now();
    return this.#stats.some(({ failingSinceMs }) => failingSinceMs > 0 && nowMs - failingSinceMs > LOST_MS);
  }

  /** What NetworkPolicies say of its Pods; before {@link start} nothing is known. */
  get access(): AccessBook | undefined {
    return this.#controller?.access;
  }

  /** Where it is said what is thought of its objects; before {@link start} nobody is told. */
  get verdicts(): Verdicts {
    return this.#verdicts;
  }

  /** Its API, on the connection that it is read on. */
  get api(): ApiClient {
    return this.#api;
  }

  /** Everything that is known of it, before {@link start} nothing. */
  get objects(): ClusterObjects | undefined {
    return this.#objects;
  }

  /** Begins to list and watch. Resolves at once: an API server that cannot be reached is waited for. */
  start(sink: ServiceSink): Promise<void> {
    const { isForeign = false, globalByDefault = false, onAnnotated, onSlice, onNode } = this.#options;
    const objects: ClusterObjects = {
      namespaces: this.#keep(NAMESPACES, (change) => {
        onAnnotated?.(change.previous, change.verb === "DELETED" ? undefined : change.object);
        controller.onNamespace(change);
        this.#capture?.onNamespace(change);
      }),
      nodes: this.#keep(NODES, (change) => {
        this.#regions = undefined;
        controller.onNode(change);
        onNode?.();
      }),
      services: this.#keep(SERVICES, (change) => {
        onAnnotated?.(change.previous, change.verb === "DELETED" ? undefined : change.object);
        controller.onService(change);
        this.#capture?.onService(change);
      }),
      slices: this.#keep(ENDPOINT_SLICES, (change) => {
        onSlice?.(change.previous, change.verb === "DELETED" ? undefined : change.object);
        controller.onSlice(change);
        this.#capture?.onSlice(change);
      }),
      pods: this.#keepLater(PODS, (change) => {
        controller.onPod(change);
        this.#capture?.onPod(change);
      }),
      policies: this.#keep(TRAFFIC_POLICIES, (change) => {
        controller.onPolicy(change);
        this.#options.onPolicy?.(change);
      }),
      routes: this.#keepOwn(GRPC_ROUTES, (change) => {
        controller.onRoute(change);
        this.#options.onRoute?.(change);
      }),
      grants: this.#keepOwn(REFERENCE_GRANTS, (change) => controller.onGrant(change)),
      networkPolicies: this.#keepOwn(NETWORK_POLICIES, (change) => {
        const bears = controller.onNetworkPolicy(change);
        this.#capture?.onNetworkPolicy(change);
        this.#options.onAccess?.(bears);
      }),
    };
    this.#objects = objects;
    this.#verdicts = !isForeign ? new WrittenVerdicts(this.#writer, objects, Date.now) : SILENT_VERDICTS;
    const verdicts = this.#verdicts;
    const { capture, proxies = "" } = this.#options;
    const controller = new Controller({
      objects,
      sink,
      verdicts,
      onlyGlobal: isForeign,
      globalByDefault,
      domain: this.#options.clusterDomain ?? "cluster.local",
      log: this.#options.log,
      random: this.#random,
      proxies,
      arePodsListed: () => this.#pods?.hasSynced === true,
    });
    this.#controller = controller;
    if (capture !== undefined)
      this.#capture = new CaptureController({
        objects,
        sink: capture,
        verdicts,
        access: controller.access,
        proxies,
      });
    for (const reflector of this.#reflectors) reflector.start();
    void this.#sync(controller, sink);
    return Promise.resolve();
  }

  stats(): KubernetesSourceStats {
    return {
      cluster: this.name,
      isLost: this.isLost,
      reflectors: this.#stats,
      hasSynced: this.#everyReflector.every(({ hasSynced }) => hasSynced),
      queueDepth: this.#controller?.queue.depth ?? 0,
      services: this.#controller?.given.services ?? 0,
      endpoints: this.#controller?.given.endpoints ?? 0,
      statusesWritten: this.#writer.written,
      statusesLost: this.#writer.lost,
    };
  }

  /** Whether every kind but Pods has been listed once; those may take as long again. */
  get isListed(): boolean {
    return this.#reflectors.length > 0 && this.#reflectors.every(({ hasSynced }) => hasSynced);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#controller?.queue.close();
    const stopped = Promise.all(this.#everyReflector.map((reflector) => reflector.stop()));
    await this.#writer.close();
    await stopped;
    await this.#connection.close();
  }

  async #sync(controller: Controller, sink: ServiceSink): Promise<void> {
    const startedMs = performance.now();
    await Promise.all(this.#reflectors.map(({ synced }) => synced));
    if (this.#closed) return;
    const podsListed = this.#pods!.synced.then(() => {
      controller.podsListed();
      this.#capture?.settled();
    });
    // NetworkPolicies are about Pods. Where nobody waits for them they come when the services are known: to read 100,000 takes longer than all the rest.
    if ((this.#objects?.networkPolicies.size ?? 0) > 0) this.#pods!.start();
    controller.queue.open();
    await controller.queue.drained();
    if (this.#closed) return;
    this.#pods!.start();
    if (controller.waitsForPods) {
      await podsListed;
      await controller.queue.drained();
    }
    if (this.#closed) return;
    this.#options.log.info("Kubernetes is known", {
      afterMs: Math.round(performance.now() - startedMs),
      services: controller.given.services,
      endpoints: controller.given.endpoints,
    });
    sink.synced();
  }

  get #everyReflector(): readonly Pick<Reflector<never>, "hasSynced" | "stop">[] {
    return this.#pods === undefined ? this.#reflectors : [...this.#reflectors, this.#pods];
  }

  /** Of another cluster nothing is kept of the kind. */
  #keepOwn<T extends KubeObject>(
    kind: ResourceKind<T>,
    onChange: (change: ObjectChange<T>) => void,
  ): ObjectStore<T> {
    if (this.#options.isForeign !== true) return this.#keep(kind, onChange);
    return new ObjectStore<T>({ onChange, onFault: () => {} });
  }

  #keep<T extends KubeObject>(
    kind: ResourceKind<T>,
    onChange: (change: ObjectChange<T>) => void,
  ): ObjectStore<T> {
    const { store, reflector } = this.#reflect(kind, onChange);
    this.#reflectors.push(reflector as unknown as Reflector<never>);
    return store;
  }

  #keepLater(
    kind: ResourceKind<PodObject>,
    onChange: (change: ObjectChange<PodObject>) => void,
  ): ObjectStore<PodObject> {
    const { store, reflector } = this.#reflect(kind, onChange);
    this.#pods = reflector;
    return store;
  }

  #reflect<T extends KubeObject>(kind: ResourceKind<T>, onChange: (change: ObjectChange<T>) => void) {
    const { log, times = REFLECTOR_TIMES } = this.#options;
    const store = new ObjectStore<T>({
      onChange,
      onFault: (error, key) => log.error("a fault of Isobar itself", { kind: kind.kind, key, error }),
      isSame: kind.isSame,
    });
    const stats = new ReflectorStats(kind.kind);
    this.#stats.push(stats);
    const reflector = new Reflector({ api: this.#api, kind, store, stats, log, random: this.#random, times });
    return { store, reflector };
  }
}
