import type { KubeObject } from "../../kube/kube-object.ts";
import { objectKey } from "../../kube/kube-object.ts";
import type { ObjectChange } from "../../kube/object-store.ts";
import type { EndpointSliceObject } from "../../kube/objects/endpoint-slice-object.ts";
import type { NamespaceObject } from "../../kube/objects/namespace-object.ts";
import type { NetworkPolicyObject } from "../../kube/objects/network-policy-object.ts";
import type { PodObject } from "../../kube/objects/pod-object.ts";
import type { ServiceObject } from "../../kube/objects/service-object.ts";
import type { AccessBook } from "../access/access-book.ts";
import { nodeIsolation } from "../access/node-isolation.ts";
import type { ClusterObjects } from "../cluster-objects.ts";
import { canonicalName } from "../service-authorities.ts";
import { SliceIndex, serviceOf } from "../slice-index.ts";
import type { Verdicts } from "../verdicts.ts";
import { captureCondition } from "./capture-condition.ts";
import type { CaptureSink } from "./capture-sink.ts";
import type { WiderPorts } from "./captured-ports.ts";
import { capturedPorts, readWiderPorts } from "./captured-ports.ts";
import { meshedEndpoint } from "./meshed-endpoint.ts";

/** What a {@link CaptureController} works with. */
export interface CaptureControllerOptions {
  readonly objects: ClusterObjects;
  readonly sink: CaptureSink;
  readonly verdicts: Pick<Verdicts, "onCapture">;
  /** What NetworkPolicies say; told of changes before this is. */
  readonly access: AccessBook;
  /** The Service whose endpoints are the proxies, `namespace/name`; "" when not known. */
  readonly proxies: string;
}

/** What an object said of ports when that could be read last. */
interface SaidPorts {
  readonly uid: string;
  readonly ports: WiderPorts | undefined;
}

/**
 * Which Services are captured, for everybody alike: a port's protocol and a mesh are facts about the Service and not about its callers, and the kernel's map has
 * one entry for an address. Looks at nothing before all kinds of objects have been listed, then at each Service once whatever changes.
 */
export class CaptureController {
  readonly #options: CaptureControllerOptions;
  readonly #slices = new SliceIndex();
  readonly #dirty = new Set<string>();
  /** Services by namespace that are captured, or would be. */
  readonly #candidates = new Map<string, Set<string>>();
  readonly #said = new Map<string, SaidPorts>();
  /** Namespaces that are opted in: without any nobody is told why something is not captured. */
  readonly #optedIn = new Set<string>();
  #isSettled = false;
  #isScheduled = false;

  constructor(options: CaptureControllerOptions) {
    this.#options = options;
  }

  onService({ object }: ObjectChange<ServiceObject>): void {
    this.#mark(objectKey(object));
  }

  onSlice({ verb, object, previous }: ObjectChange<EndpointSliceObject>): void {
    this.#slices.change(previous, verb === "DELETED" ? undefined : object);
    for (const slice of [object, previous]) {
      if (slice === undefined || slice.service === "") continue;
      if (serviceOf(slice) === this.#options.proxies) this.#proxiesMoved();
      this.#mark(serviceOf(slice));
    }
  }

  onNamespace({ verb, object }: ObjectChange<NamespaceObject>): void {
    const hadAny = this.#optedIn.size > 0;
    const mode = verb === "DELETED" ? "off" : (object.annotations["mode"] ?? "off");
    if (verb === "DELETED") this.#said.delete(object.name);
    if (mode === "off") this.#optedIn.delete(object.name);
    else this.#optedIn.add(object.name);
    if (this.#optedIn.size > 0 !== hadAny) for (const keys of this.#candidates.values()) this.#markAll(keys);
    for (const service of this.#options.objects.services.values())
      if (service.namespace === object.name) this.#mark(objectKey(service));
  }

  /** Of Pods it matters what their labels and their mesh are. */
  onPod({ object, previous, verb }: ObjectChange<PodObject>): void {
    const isNews = verb === "ADDED" || object.labels !== previous?.labels || object.mesh !== previous.mesh;
    if (!isNews || !this.#isSettled) return;
    for (const key of this.#candidates.get(object.namespace) ?? [])
      if (this.#slices.has(key, object.name)) this.#mark(key);
  }

  onNetworkPolicy({ object }: ObjectChange<NetworkPolicyObject>): void {
    this.#markAll(this.#candidates.get(object.namespace) ?? []);
  }

  /** Where proxies connect from is another than before. */
  #proxiesMoved(): void {
    for (const [namespace, keys] of this.#candidates)
      if (this.#options.access.mattersTo(namespace)) this.#markAll(keys);
  }

  #proxyAddresses(): string[] {
    const addresses = [...this.#slices.of(this.#options.proxies)].flatMap(({ endpoints }) =>
      endpoints.map(({ address }) => address),
    );
    return [...new Set(addresses)].sort();
  }

  /** All kinds have been listed once. */
  settled(): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    for (const key of this.#dirty) this.#judge(key);
    this.#dirty.clear();
    this.#options.sink.settled();
  }

  #mark(key: string): void {
    this.#dirty.add(key);
    if (!this.#isSettled || this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      const keys = [...this.#dirty];
      this.#dirty.clear();
      for (const each of keys) this.#judge(each);
    });
  }

  #markAll(keys: Iterable<string>): void {
    for (const key of keys) this.#mark(key);
  }

  #judge(key: string): void {
    const { objects, sink, verdicts, access } = this.#options;
    const service = objects.services.get(key);
    const ports = service === undefined ? [] : this.#wanted(key, service);
    if (service === undefined) this.#said.delete(key);
    this.#note(key, ports.length > 0);
    if (service === undefined || ports.length === 0) {
      sink.set(key, []);
      if (service !== undefined) verdicts.onCapture(service, captureCondition(service, undefined));
      return;
    }
    const slices = [...this.#slices.of(key)];
    const left =
      meshedEndpoint(service, slices, objects) ??
      nodeIsolation(service, ports, slices, this.#proxyAddresses(), access, objects);
    const addresses = onePerFamily(service.clusterIps);
    sink.set(
      key,
      left !== undefined
        ? []
        : ports.map(({ port }) => ({
            service: canonicalName(service, port).toLowerCase(),
            addresses,
            port,
          })),
    );
    verdicts.onCapture(service, captureCondition(service, this.#optedIn.size > 0 ? left : undefined));
  }

  /** @returns the ports that are to be captured, unless there is a reason against it. */
  #wanted(key: string, service: ServiceObject): ReturnType<typeof capturedPorts> {
    // Of a Service only `off` can be said; what cannot be read does least.
    if (service.annotations["mode"] !== undefined) return [];
    const namespace = this.#options.objects.namespaces.get(service.namespace);
    const own = this.#saidPorts(key, service);
    const wider = own ?? (namespace && this.#saidPorts(namespace.name, namespace));
    return capturedPorts(service, wider);
  }

  #saidPorts(
    key: string,
    { uid, annotations }: KubeObject & Pick<ServiceObject, "annotations">,
  ): WiderPorts | undefined {
    const text = annotations["ports"];
    if (text === undefined) {
      this.#said.delete(key);
      return undefined;
    }
    const before = this.#said.get(key);
    const ports = readWiderPorts(text) ?? (before?.uid === uid ? before.ports : undefined);
    this.#said.set(key, { uid, ports });
    return ports;
  }

  #note(key: string, isCandidate: boolean): void {
    const namespace = key.slice(0, key.indexOf("/"));
    const candidates = this.#candidates.get(namespace);
    if (isCandidate) {
      if (candidates === undefined) this.#candidates.set(namespace, new Set([key]));
      else candidates.add(key);
    } else if (candidates?.delete(key) === true && candidates.size === 0) this.#candidates.delete(namespace);
  }
}

function onePerFamily(addresses: readonly string[]): string[] {
  const v4 = addresses.find((address) => !address.includes(":"));
  const v6 = addresses.find((address) => address.includes(":"));
  return [v4, v6].filter((address) => address !== undefined);
}
