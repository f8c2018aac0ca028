import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fromBinary } from "@bufbuild/protobuf";
import { anyIs, anyUnpack } from "@bufbuild/protobuf/wkt";
import { clusterSettings } from "../../../src/resource/cluster-settings.ts";
import { HEALTH_CHECK_DEFAULTS } from "../../../src/resource/health-check.ts";
import type { Route } from "../../../src/resource/route.ts";
import { ClusterSchema } from "../../../src/xds/generated/envoy/config/cluster/v3/cluster_pb.js";
import { ClusterLoadAssignmentSchema } from "../../../src/xds/generated/envoy/config/endpoint/v3/endpoint_pb.js";
import { ListenerSchema } from "../../../src/xds/generated/envoy/config/listener/v3/listener_pb.js";
import { RouteConfigurationSchema } from "../../../src/xds/generated/envoy/config/route/v3/route_pb.js";
import { HttpConnectionManagerSchema } from "../../../src/xds/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import {
  DeltaDiscoveryResponseSchema,
  DiscoveryResponseSchema,
} from "../../../src/xds/generated/envoy/service/discovery/v3/discovery_pb.js";
import { clientKindOf } from "../../../src/xds/resources/client-kind.ts";
import { ClientViews } from "../../../src/xds/resources/client-view.ts";
import { encodeCluster } from "../../../src/xds/resources/encode-cluster.ts";
import { encodeListener } from "../../../src/xds/resources/encode-listener.ts";
import { encodeLoadAssignment } from "../../../src/xds/resources/encode-load-assignment.ts";
import {
  encodeRoutes,
  encodeVirtualHost,
  joinVirtualHosts,
} from "../../../src/xds/resources/encode-routes.ts";
import { EncodedResource } from "../../../src/xds/resources/encoded-resource.ts";
import { TYPE_URL } from "../../../src/xds/resources/type-url.ts";
import { endpoint } from "../../resource/cluster-builder.ts";
import { service } from "../service-builder.ts";

const NAME = "a.default:80";
const ROUTE: Route = {
  name: "canary",
  authorities: [NAME],
  matches: [{ path: "/p.S/*", headers: [{ name: "x-canary", kind: "exact", value: "1" }] }],
  clusters: [
    { name: NAME, weight: 3 },
    { name: "b.default:80", weight: 1 },
  ],
  sticky: null,
  endpoints: null,
  policy: null,
  requestHeaders: null,
  responseHeaders: null,
  mirror: null,
};

describe("resources for each kind of client", () => {
  it("knows a client by its user agent, and takes whoever it does not know for gRPC", () => {
    const names = ["isobar", "envoy", "gRPC Go", "gRPC C-core linux", "somebody"];
    assert.deepEqual(names.map(clientKindOf), ["isobar", "envoy", "grpc", "grpc", "grpc"]);
  });

  it("tells a proxy of ours the whole settings, and nobody else", () => {
    const settings = clusterSettings({ loadBalancing: { policy: "maglev", metric: "peak_ewma" } });
    const { cluster } = service(NAME, 1, { cluster: { settings, keepaliveTimeMs: 7 } });
    const decoded = fromBinary(ClusterSchema, encodeCluster(cluster, "isobar"));
    const { isobar } = decoded.metadata!.filterMetadata;
    const { settings: told, keepaliveTimeMs } = isobar as { settings: string; keepaliveTimeMs: number };
    assert.deepEqual(JSON.parse(told), settings);
    assert.equal(keepaliveTimeMs, 7);
    for (const kind of ["envoy", "grpc"] as const)
      assert.equal(fromBinary(ClusterSchema, encodeCluster(cluster, kind)).metadata, undefined);
  });

  it("has no policy for gRPC that a client there does not know, without one beside it that all know", () => {
    for (const policy of ["least_request", "random", "client_side_weighted_round_robin", "maglev"] as const) {
      const settings = clusterSettings({ loadBalancing: { policy } });
      const { cluster } = service(NAME, 1, { cluster: { settings } });
      const decoded = fromBinary(ClusterSchema, encodeCluster(cluster, "grpc"));
      const policies = decoded.loadBalancingPolicy?.policies ?? [];
      const types = policies.map(({ typedExtensionConfig }) => typedExtensionConfig!.typedConfig!.typeUrl);
      assert.ok(
        types.every((type) => type.endsWith("wrr_locality.v3.WrrLocality")),
        types.join(),
      );
    }
  });

  it("leads a listener to the routes of its service", () => {
    const { apiListener, name } = fromBinary(ListenerSchema, encodeListener("a.default.svc:80", NAME));
    assert.equal(name, "a.default.svc:80");
    assert.ok(anyIs(apiListener!.apiListener!, HttpConnectionManagerSchema));
    const { routeSpecifier, httpFilters } = anyUnpack(
      apiListener!.apiListener!,
      HttpConnectionManagerSchema,
    )!;
    assert.equal(routeSpecifier.case === "rds" && routeSpecifier.value.routeConfigName, NAME);
    assert.equal(httpFilters.length, 1);
  });

  it("writes endpoints with place, health, weight and labels, and for proxies of ours with what they are", () => {
    const one = endpoint(
      1,
      {
        zone: "a",
        region: "r",
        node: "n7",
        labels: { version: "2", app: "x" },
        weight: 5,
        health: "draining",
      },
      NAME,
    );
    const { cluster } = service(NAME, [{ ...one, key: `${NAME}|uid-1|50051|h2c` }]);
    const views = new ClientViews();
    const decoded = (kind: "isobar" | "grpc") =>
      fromBinary(ClusterLoadAssignmentSchema, encodeLoadAssignment(cluster, views.of(kind, "r", "a")));
    const { endpoints, clusterName, policy } = decoded("isobar");
    assert.equal(clusterName, NAME);
    assert.equal(policy?.overprovisioningFactor, 140);
    const [{ lbEndpoints = [], locality } = {}] = endpoints;
    assert.deepEqual([locality!.region, locality!.zone], ["r", "a"]);
    const [{ metadata, healthStatus, loadBalancingWeight, hostIdentifier } = {} as never] = lbEndpoints;
    assert.deepEqual(metadata!.filterMetadata, {
      "envoy.lb": { app: "x", version: "2" },
      isobar: { uid: "uid-1", node: "n7" },
    });
    assert.deepEqual([healthStatus, loadBalancingWeight], [3, 5]);
    assert.ok(hostIdentifier.case === "endpoint");
    const { address } = hostIdentifier.value.address!;
    assert.ok(address.case === "socketAddress");
    assert.equal(address.value.address, "10.0.0.1");
    const plain = decoded("grpc").endpoints[0]!.lbEndpoints[0]!;
    assert.deepEqual(Object.keys(plain.metadata!.filterMetadata), ["envoy.lb"]);
  });

  it("tells Envoy where health is asked for, where that is another port", () => {
    const probe = { kind: "http", path: "/live", port: 8_081 } as const;
    const settings = clusterSettings({ healthCheck: { probe, ...HEALTH_CHECK_DEFAULTS } });
    const { cluster } = service(NAME, 1, { cluster: { settings } });
    const views = new ClientViews();
    const portOf = (kind: "isobar" | "envoy") => {
      const octets = encodeLoadAssignment(cluster, views.of(kind, "r", "a"));
      const { hostIdentifier } = fromBinary(ClusterLoadAssignmentSchema, octets).endpoints[0]!
        .lbEndpoints[0]!;
      return hostIdentifier.case === "endpoint" ? hostIdentifier.value.healthCheckConfig?.portValue : -1;
    };
    assert.deepEqual([portOf("envoy"), portOf("isobar"), portOf("envoy")], [8_081, undefined, 8_081]);
    const plain = service(NAME, cluster.endpoints).cluster;
    const octets = encodeLoadAssignment(plain, views.of("envoy", "r", "a"));
    const { hostIdentifier } = fromBinary(ClusterLoadAssignmentSchema, octets).endpoints[0]!.lbEndpoints[0]!;
    assert.ok(hostIdentifier.case === "endpoint" && hostIdentifier.value.healthCheckConfig === undefined);
  });

  it("writes a route out for Envoy and gRPC, and hands a proxy of ours the route itself", () => {
    const model = service(NAME, 1, { routes: [ROUTE], authorities: [NAME, "a.default.svc:80"] });
    const own = fromBinary(RouteConfigurationSchema, encodeRoutes(model, "isobar")).virtualHosts[0]!;
    const { authorities: _, ...told } = ROUTE;
    const { isobar } = own.routes[0]!.metadata!.filterMetadata;
    assert.deepEqual(JSON.parse((isobar as { route: string }).route), told);
    const host = fromBinary(RouteConfigurationSchema, encodeRoutes(model, "envoy")).virtualHosts[0]!;
    assert.deepEqual(host.domains, [NAME, "a.default.svc:80"]);
    assert.equal(host.routes.length, 2);
    const [{ match, action } = {} as never, rest] = host.routes;
    assert.deepEqual(match!.pathSpecifier, { case: "prefix", value: "/p.S/" });
    assert.ok(action.case === "route" && action.value.clusterSpecifier.case === "weightedClusters");
    assert.ok(rest!.action.case === "route" && rest!.action.value.clusterSpecifier.value === NAME);
  });

  it("leads a route that names no cluster to the service's, whichever of its names is called", () => {
    const model = service(NAME, 1, {
      routes: [{ ...ROUTE, clusters: [] }],
      authorities: [NAME, "a.default.svc:80"],
    });
    const own = fromBinary(RouteConfigurationSchema, encodeRoutes(model, "isobar")).virtualHosts[0]!;
    const { isobar } = own.routes[0]!.metadata!.filterMetadata;
    assert.deepEqual(JSON.parse((isobar as { route: string }).route).clusters, [{ name: NAME, weight: 1 }]);
  });

  it("leaves a route that singles endpoints out by labels to those who can follow it", () => {
    const endpoints = { labels: { shard: "1" }, fromHeaders: {}, fallback: "fail" } as const;
    const model = service(NAME, 1, { routes: [{ ...ROUTE, endpoints }] });
    for (const [kind, count] of [
      ["isobar", 2],
      ["envoy", 1],
      ["grpc", 1],
    ] as const) {
      const decoded = fromBinary(RouteConfigurationSchema, encodeRoutes(model, kind));
      assert.equal(decoded.virtualHosts[0]!.routes.length, count, kind);
    }
  });

  it("puts all services into one configuration for Envoy's own listener", () => {
    const hosts = [service(NAME, 1), service("b:1", 0)].map((each) => encodeVirtualHost(each, "envoy"));
    const octets = joinVirtualHosts(hosts);
    const { name, virtualHosts } = fromBinary(RouteConfigurationSchema, octets);
    assert.equal(name, "isobar");
    assert.deepEqual(
      virtualHosts.map((host) => host.name),
      [NAME, "b:1"],
    );
  });

  it("says the same in both forms, whichever is made first", () => {
    const make = () => new EncodedResource(TYPE_URL.cluster, "a", Buffer.from("x".repeat(300)));
    const [first, second] = [make(), make()];
    const { inSotw } = first;
    const { inDelta } = second;
    assert.deepEqual(first.inDelta, inDelta);
    assert.deepEqual(second.inSotw, inSotw);
    const decoded = fromBinary(DiscoveryResponseSchema, inSotw).resources[0]!;
    assert.equal(decoded.typeUrl, TYPE_URL.cluster);
    const [resource] = fromBinary(DeltaDiscoveryResponseSchema, inDelta).resources;
    assert.deepEqual([resource!.name, resource!.version, resource!.resource], ["a", first.version, decoded]);
  });

  it("tells proxies of ours what is deliberate, as they read it, and a version that is of the content alone", () => {
    const [plain, meant] = [false, true].map(
      (deliberate) => new EncodedResource(TYPE_URL.loadAssignment, "a", Buffer.from("x"), deliberate),
    );
    assert.equal(plain!.version, meant!.version);
    const metadataOf = (resource: EncodedResource) =>
      fromBinary(DeltaDiscoveryResponseSchema, resource.inDelta).resources[0]!.metadata;
    assert.equal(metadataOf(plain!), undefined);
    assert.deepEqual(metadataOf(meant!)?.filterMetadata, { isobar: { deliberate: true } });
    assert.deepEqual(fromBinary(DiscoveryResponseSchema, meant!.inSotw).resources.length, 1);
  });

  it("names equal octets by equal versions, and others by others", () => {
    const version = (text: string) => new EncodedResource(TYPE_URL.cluster, "a", Buffer.from(text)).version;
    assert.equal(version("x"), version("x"));
    assert.notEqual(version("x"), version("y"));
    assert.match(version("x"), /^[0-9a-f]{16}$/);
  });
});
