import type { Manifest, Stored } from "../../test/kube/harness/kube-writer.ts";

/** How large a cluster is to be. */
export interface ClusterSize {
  readonly services: number;
  readonly endpointsPerService: number;
  /** Where every endpoint listens. */
  readonly port: number;
}

const NAMESPACES = 50;
const NODES = 1_000;
const ZONES = ["zone-a", "zone-b", "zone-c"];
/** Kubernetes' own limit, by default. */
const ENDPOINTS_PER_SLICE = 100;
const CREATED = "2026-11-23T00:00:00Z";
/** Identity of an endpoint that says when it was written, in microseconds since 1970: whoever writes it puts the time in, and the receivers look for it. */
const STAMP = "stamp-0000000000000000";

interface SliceEndpoint {
  addresses: [string];
  conditions: object;
  nodeName: string;
  targetRef: { kind: "Pod"; namespace: string; name: string; uid: string };
  zone: string;
}

/** An EndpointSlice as it is written. */
export type Slice = Manifest & { endpoints: SliceEndpoint[] };

/**
 * The objects of a large cluster, as its controllers and kubelets write them. Every endpoint is an address of its own in 127.0.0.0/8, so that one
 * server that listens on all addresses is all of them.
 */
export class LargeCluster {
  readonly size: ClusterSize;
  /** First slices, by service, as they were written last. */
  readonly #slices = new Map<number, Slice>();
  #addresses = 0;

  constructor(size: ClusterSize) {
    this.size = size;
    this.#addresses = size.services * size.endpointsPerService;
  }

  /** What callers call the service, which is its name over xDS. */
  nameOf(service: number): string {
    return `${serviceName(service)}.${namespaceOf(service)}:8080`;
  }

  namespaces(): Manifest[] {
    return Array.from({ length: NAMESPACES }, (_, n) => ({
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name: namespaceOf(n) },
    }));
  }

  /** Everything but the namespaces, with the names of their kinds in the store. */
  *objects(): Generator<readonly [plural: string, object: Stored]> {
    for (let node = 0; node < NODES; node++) yield ["nodes", nodeObject(node)];
    const { services, endpointsPerService } = this.size;
    for (let service = 0; service < services; service++) {
      yield ["services", this.#service(service)];
      for (let from = 0; from < endpointsPerService; from += ENDPOINTS_PER_SLICE) {
        yield ["endpointslices", stored(this.#slice(service, from))];
      }
      for (let n = 0; n < endpointsPerService; n++) yield ["pods", podObject(service, n)];
    }
  }

  /**
   * Replaces endpoints of a service's first slice, the first of them by one that is to bear the time.
   *
   * @param count how many become others.
   * @returns the slice to be written, and the new addresses.
   */
  replaceEndpoints(service: number, count: number): { slice: Slice; added: string[] } {
    const former = this.#slices.get(service) ?? this.#slice(service, 0);
    const endpoints = former.endpoints.map((each, n) => {
      if (n >= count) return each;
      const address = addressOf(this.#addresses++);
      const uid = n === 0 ? STAMP : uidOf(this.#addresses, n);
      return {
        ...each,
        addresses: [address] as [string],
        targetRef: { ...each.targetRef, name: `pod-${this.#addresses}`, uid },
      };
    });
    const slice = { ...former, endpoints };
    this.#slices.set(service, slice);
    return { slice, added: endpoints.slice(0, count).map(({ addresses: [address] }) => address) };
  }

  #service(service: number): Stored {
    return stored({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: serviceName(service), namespace: namespaceOf(service), uid: uidOf(service, 1 << 20) },
      spec: {
        type: "ClusterIP",
        clusterIP: `10.96.${service >> 8}.${service & 255}`,
        clusterIPs: [`10.96.${service >> 8}.${service & 255}`],
        ipFamilies: ["IPv4"],
        ports: [{ name: "grpc", port: 8080, protocol: "TCP", targetPort: this.size.port }],
        selector: { app: serviceName(service) },
      },
    });
  }

  #slice(service: number, from: number): Slice {
    const { endpointsPerService, port } = this.size;
    const to = Math.min(from + ENDPOINTS_PER_SLICE, endpointsPerService);
    const namespace = namespaceOf(service);
    return {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: {
        name: `${serviceName(service)}-${from}`,
        namespace,
        uid: uidOf(service, (1 << 21) + from),
        labels: {
          "kubernetes.io/service-name": serviceName(service),
          "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
        },
      },
      addressType: "IPv4",
      ports: [{ name: "grpc", port, protocol: "TCP" }],
      endpoints: Array.from({ length: to - from }, (_, i) => {
        const n = from + i;
        const node = nodeOf(service, n);
        return {
          addresses: [addressOf(service * endpointsPerService + n)],
          conditions: { ready: true, serving: true, terminating: false },
          nodeName: `node-${node}`,
          targetRef: { kind: "Pod", namespace, name: podName(service, n), uid: uidOf(service, n) },
          zone: ZONES[node % ZONES.length]!,
        };
      }),
    };
  }
}

function serviceName(service: number): string {
  return `service-${String(service).padStart(4, "0")}`;
}

function namespaceOf(service: number): string {
  return `team-${String(service % NAMESPACES).padStart(2, "0")}`;
}

function nodeOf(service: number, n: number): number {
  return (service * 31 + n * 17) % NODES;
}

function podName(service: number, n: number): string {
  return `${serviceName(service)}-6d9f7c8b5-${n.toString(36).padStart(5, "x")}`;
}

/** Looks like a UID, and is another one for each pair. */
function uidOf(high: number, low: number): string {
  const hex = (value: number, digits: number) => value.toString(16).padStart(digits, "0");
  return `${hex(high, 8)}-5b0c-4f7e-9a3d-${hex(low, 12)}`;
}

function addressOf(n: number): string {
  return `127.${1 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}`;
}

function nodeObject(node: number): Stored {
  return stored({
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name: `node-${node}`,
      uid: uidOf(node, 1 << 24),
      labels: {
        "topology.kubernetes.io/zone": ZONES[node % ZONES.length],
        "topology.kubernetes.io/region": "region-1",
      },
    },
  });
}

function podObject(service: number, n: number): Stored {
  const name = serviceName(service);
  return stored(
    {
      apiVersion: "v1",
      kind: "Pod",
      metadata: {
        name: podName(service, n),
        namespace: namespaceOf(service),
        uid: uidOf(service, n),
        labels: { app: name, "pod-template-hash": "6d9f7c8b5", version: "v1" },
      },
      spec: {
        nodeName: `node-${nodeOf(service, n)}`,
        containers: [{ name: "server", image: "registry.example/server:1.0" }],
      },
      status: { phase: "Running" },
    },
    [POD_FIELDS, STATUS_FIELDS],
  );
}

/** Who wrote what, which is most of an object's metadata. */
const POD_FIELDS = managed("kube-controller-manager", {
  "f:metadata": {
    "f:generateName": {},
    "f:labels": { ".": {}, "f:app": {}, "f:pod-template-hash": {}, "f:version": {} },
    "f:ownerReferences": { ".": {}, 'k:{"uid":"5d1e4e7c-7a0e-4c3b-8a52-6f9a6a2f1f10"}': {} },
  },
  "f:spec": {
    "f:containers": { 'k:{"name":"server"}': { ".": {}, "f:image": {}, "f:name": {}, "f:resources": {} } },
    "f:dnsPolicy": {},
    "f:restartPolicy": {},
    "f:terminationGracePeriodSeconds": {},
  },
});
const STATUS_FIELDS = managed("kubelet", {
  "f:status": {
    "f:conditions": { 'k:{"type":"Ready"}': { ".": {}, "f:status": {}, "f:type": {} } },
    "f:containerStatuses": {},
    "f:hostIP": {},
    "f:phase": {},
    "f:podIP": {},
  },
});
const SLICE_FIELDS = managed("kube-controller-manager", {
  "f:addressType": {},
  "f:endpoints": {},
  "f:metadata": { "f:labels": { ".": {}, "f:kubernetes.io/service-name": {} }, "f:ownerReferences": {} },
  "f:ports": {},
});

function managed(manager: string, fieldsV1: object): object {
  return { manager, operation: "Update", apiVersion: "v1", time: CREATED, fieldsType: "FieldsV1", fieldsV1 };
}

function stored(object: Manifest, managedFields: readonly object[] = [SLICE_FIELDS]): Stored {
  const metadata = { ...object.metadata, creationTimestamp: CREATED, managedFields };
  return { ...object, metadata } as unknown as Stored;
}
