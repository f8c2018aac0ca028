import type { RawObject } from "../../../src/kube/raw-object.ts";

let versions = 0;

/** Metadata with a version of its own. */
export function metadata(
  name: string,
  more: Partial<NonNullable<RawObject["metadata"]>> = {},
): NonNullable<RawObject["metadata"]> {
  versions++;
  return {
    name,
    namespace: "shop",
    uid: `uid-of-${name}`,
    resourceVersion: String(versions),
    generation: versions,
    creationTimestamp: "2026-11-23T00:00:00Z",
    ...more,
  };
}

/** A Service with one port, `50051`, that is called `grpc`. */
export function rawService(
  name: string,
  spec: object = {},
  more: Partial<NonNullable<RawObject["metadata"]>> = {},
): RawObject {
  return {
    metadata: metadata(name, more),
    spec: { ports: [{ name: "grpc", port: 50051, protocol: "TCP" }], clusterIPs: ["10.96.0.7"], ...spec },
  };
}

/** An endpoint of a slice; a ready Pod unless it says otherwise. */
export function rawEndpoint(address: string, pod: string, more: object = {}): object {
  return {
    addresses: [address],
    conditions: { ready: true, serving: true, terminating: false },
    ...(pod === "" ? {} : { targetRef: { kind: "Pod", name: pod, uid: `uid-of-${pod}` } }),
    ...more,
  };
}

/** A slice of a Service, with the target port 8080. */
export function rawSlice(
  name: string,
  service: string,
  endpoints: readonly object[],
  more: object = {},
): RawObject {
  return {
    metadata: metadata(name, { labels: { "kubernetes.io/service-name": service } }),
    addressType: "IPv4",
    ports: [{ name: "grpc", port: 8080, protocol: "TCP" }],
    endpoints,
    ...more,
  } as RawObject;
}
