import type { Json, JsonObject } from "../../audit/json-diff.ts";
import type { WrittenKind } from "../../audit/written-name.ts";
import type { BodyKind } from "../../kube/api-client.ts";
import type { KubeObject } from "../../kube/kube-object.ts";
import { GRPC_ROUTES } from "../../kube/objects/grpc-route-object.ts";
import { NAMESPACES } from "../../kube/objects/namespace-object.ts";
import { ANNOTATION_PREFIX } from "../../kube/objects/own-annotations.ts";
import { SERVICES } from "../../kube/objects/service-object.ts";
import { TRAFFIC_POLICIES } from "../../kube/objects/traffic-policy-object.ts";
import type { RawObject } from "../../kube/raw-object.ts";
import type { ResourceKind } from "../../kube/resource-kind.ts";

/** A write that makes an object what it was. */
export interface RollbackWrite {
  readonly method: "PUT" | "PATCH";
  readonly kind: BodyKind;
  readonly body: object;
}

/** What of a kind is rolled back, and how. */
export interface RollbackKind {
  readonly kind: WrittenKind;
  /** As kubectl takes it. */
  readonly noun: string;
  readonly resource: ResourceKind<KubeObject>;
  /** What the audit has of it, as an object has it now. */
  partOf(current: RawObject): JsonObject;
  /** Somebody else's write in between is refused by the API server: the object's version goes along. */
  write(current: RawObject, part: JsonObject): RollbackWrite;
  /** @returns the spec that it is made again with; undefined where what is recorded does not do for that. */
  remade(part: JsonObject): JsonObject | undefined;
}

const TRAFFIC_POLICY: RollbackKind = {
  kind: "TrafficPolicy",
  noun: "trafficpolicy",
  resource: TRAFFIC_POLICIES,
  partOf: ({ spec = {} }) => spec as JsonObject,
  // All of the spec is replaced: what was added since has to go too, which applying would leave to its owner.
  write: (current, spec) => ({ method: "PUT", kind: "json", body: { ...current, spec } }),
  remade: (spec) => spec,
};

const GRPC_ROUTE: RollbackKind = {
  kind: "GRPCRoute",
  noun: "grpcroute",
  resource: GRPC_ROUTES,
  partOf: ({ spec }) => {
    const { parentRefs = [], rules = [] } = (spec ?? {}) as Readonly<Record<string, Json>>;
    return { parentRefs, rules };
  },
  write: (current, part) => ({
    method: "PUT",
    kind: "json",
    body: { ...current, spec: { ...(current.spec as object), ...part } },
  }),
  remade: (part) => part,
};

function annotationsOf(kind: "Service" | "Namespace", resource: ResourceKind<KubeObject>): RollbackKind {
  return {
    kind,
    noun: kind.toLowerCase(),
    resource,
    partOf: ({ metadata = {} }) =>
      Object.fromEntries(
        Object.entries(metadata.annotations ?? {}).filter(([name]) => name.startsWith(ANNOTATION_PREFIX)),
      ),
    write: (current, part) => {
      const { resourceVersion = "", annotations = {} } = current.metadata ?? {};
      const gone = Object.keys(annotations).filter(
        (name) => name.startsWith(ANNOTATION_PREFIX) && part[name] === undefined,
      );
      const wanted = { ...Object.fromEntries(gone.map((name) => [name, null])), ...part };
      const body = { metadata: { resourceVersion, annotations: wanted } };
      return { method: "PATCH", kind: "merge-patch+json", body };
    },
    remade: () => undefined,
  };
}

const KINDS: readonly (readonly [RegExp, RollbackKind])[] = [
  [/^(?:trafficpolic(?:y|ies)(?:\.isobar\.dev)?|tp)$/i, TRAFFIC_POLICY],
  [/^grpcroutes?(?:\.gateway\.networking\.k8s\.io)?$/i, GRPC_ROUTE],
  [/^(?:services?|svc)$/i, annotationsOf("Service", SERVICES)],
  [/^(?:namespaces?|ns)$/i, annotationsOf("Namespace", NAMESPACES)],
];

/** What people may write. */
export const ROLLBACK_KINDS =
  "trafficpolicy, grpcroute, service or namespace (of the last two the annotations isobar.dev/…)";

/** @returns undefined for what cannot be rolled back. */
export function rollbackKind(text: string): RollbackKind | undefined {
  return KINDS.find(([pattern]) => pattern.test(text))?.[1];
}

/** @returns whether a name is one of the kind's: `namespace/name`, or of a Namespace a name. */
export function isObjectName({ kind }: RollbackKind, name: string): boolean {
  return kind === "Namespace" ? /^[^/]+$/.test(name) : /^[^/]+\/[^/]+$/.test(name);
}
