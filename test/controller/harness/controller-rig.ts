import { SeededRandom } from "../../../src/base/random.ts";
import type { ClusterObjects } from "../../../src/controller/cluster-objects.ts";
import type { ControllerOptions } from "../../../src/controller/controller.ts";
import { Controller } from "../../../src/controller/controller.ts";
import type { Problem } from "../../../src/controller/problem.ts";
import type { ParentVerdict } from "../../../src/controller/route-book.ts";
import type { Verdicts } from "../../../src/controller/verdicts.ts";
import type { KubeObject } from "../../../src/kube/kube-object.ts";
import type { ObjectChange } from "../../../src/kube/object-store.ts";
import { ObjectStore } from "../../../src/kube/object-store.ts";
import type { NewCondition } from "../../../src/kube/objects/condition.ts";
import { ENDPOINT_SLICES } from "../../../src/kube/objects/endpoint-slice-object.ts";
import { GRPC_ROUTES } from "../../../src/kube/objects/grpc-route-object.ts";
import { NAMESPACES } from "../../../src/kube/objects/namespace-object.ts";
import { NETWORK_POLICIES } from "../../../src/kube/objects/network-policy-object.ts";
import { NODES } from "../../../src/kube/objects/node-object.ts";
import { PODS } from "../../../src/kube/objects/pod-object.ts";
import { REFERENCE_GRANTS } from "../../../src/kube/objects/reference-grant-object.ts";
import { SERVICES } from "../../../src/kube/objects/service-object.ts";
import { TRAFFIC_POLICIES } from "../../../src/kube/objects/traffic-policy-object.ts";
import type { RawObject } from "../../../src/kube/raw-object.ts";
import type { ResourceKind } from "../../../src/kube/resource-kind.ts";
import type { ChangeCause, ServiceModel } from "../../../src/resource/service.ts";
import type { ServiceSink } from "../../../src/resource/service-source.ts";
import { createLog } from "../../../src/telemetry/log.ts";

const KINDS = {
  namespaces: NAMESPACES,
  nodes: NODES,
  services: SERVICES,
  slices: ENDPOINT_SLICES,
  pods: PODS,
  policies: TRAFFIC_POLICIES,
  routes: GRPC_ROUTES,
  grants: REFERENCE_GRANTS,
  networkPolicies: NETWORK_POLICIES,
} as const;

/** What was last said of an object. */
export interface Said {
  readonly conditions: readonly NewCondition[];
  readonly problems: readonly Problem[];
}

/** A controller with its stores, and without an API server: the test is what writes objects. */
export class ControllerRig {
  /** What the sink has. */
  readonly services = new Map<string, ServiceModel>();
  /** Why services went. */
  readonly removed = new Map<string, ChangeCause | undefined>();
  /** What the sink was told, in order: `+name`, `-name`. */
  readonly told: string[] = [];
  readonly said = new Map<string, Said>();
  /** What was thrown into the log. */
  readonly faults: string[] = [];
  readonly controller: Controller;
  readonly #objects: ClusterObjects;

  constructor(
    options: Pick<ControllerOptions, "onlyGlobal" | "globalByDefault" | "proxies" | "arePodsListed"> = {},
  ) {
    const sink: ServiceSink = {
      upsert: (service) => {
        this.services.set(service.name, service);
        this.told.push(`+${service.name}`);
      },
      remove: (name, cause) => {
        this.services.delete(name);
        this.removed.set(name, cause);
        this.told.push(`-${name}`);
      },
      synced: () => {},
    };
    const verdicts: Verdicts = {
      onService: (object, conditions, problems) => {
        this.said.set(`Service ${object.name}`, { conditions, problems });
      },
      onCapture: () => {},
      onPod: () => {},
      onPodsOf: () => {},
      onNamespace: (object, problems) => {
        this.said.set(`Namespace ${object.name}`, { conditions: [], problems });
      },
      onPolicy: (object, condition, problems) => {
        this.said.set(`TrafficPolicy ${object.name}`, { conditions: [condition], problems });
      },
      onRoute: (object, found, problems) => {
        const conditions = (found as readonly ParentVerdict[]).flatMap((each) => each.conditions);
        this.said.set(`GRPCRoute ${object.name}`, { conditions, problems });
      },
    };
    const keep = <T extends KubeObject>(
      kind: ResourceKind<T>,
      onChange: (change: ObjectChange<T>) => void,
    ): ObjectStore<T> =>
      new ObjectStore({ onChange, isSame: kind.isSame, onFault: (error) => this.faults.push(String(error)) });
    this.#objects = {
      namespaces: keep(NAMESPACES, (change) => this.controller.onNamespace(change)),
      nodes: keep(NODES, (change) => this.controller.onNode(change)),
      services: keep(SERVICES, (change) => this.controller.onService(change)),
      slices: keep(ENDPOINT_SLICES, (change) => this.controller.onSlice(change)),
      pods: keep(PODS, (change) => this.controller.onPod(change)),
      policies: keep(TRAFFIC_POLICIES, (change) => this.controller.onPolicy(change)),
      routes: keep(GRPC_ROUTES, (change) => this.controller.onRoute(change)),
      grants: keep(REFERENCE_GRANTS, (change) => this.controller.onGrant(change)),
      networkPolicies: keep(NETWORK_POLICIES, () => {}),
    };
    const log = createLog({ level: "error", stream: { write: (line) => void this.faults.push(line) } });
    const random = new SeededRandom(7);
    this.controller = new Controller({
      objects: this.#objects,
      sink,
      verdicts,
      domain: "cluster.local",
      log,
      random,
      ...options,
    });
    this.controller.queue.open();
  }

  /** Writes objects, and waits until the controller has taken them up. @returns what the sink was told. */
  async write(kind: keyof typeof KINDS, ...objects: readonly RawObject[]): Promise<readonly string[]> {
    this.told.length = 0;
    const store = this.#objects[kind] as unknown as ObjectStore<KubeObject>;
    for (const object of objects) store.upsert(KINDS[kind].decode(object));
    await this.controller.queue.drained();
    return [...this.told];
  }

  /** Deletes an object. @returns what the sink was told. */
  async delete(kind: keyof typeof KINDS, object: RawObject): Promise<readonly string[]> {
    this.told.length = 0;
    (this.#objects[kind] as unknown as ObjectStore<KubeObject>).remove(KINDS[kind].decode(object));
    await this.controller.queue.drained();
    return [...this.told];
  }
}
