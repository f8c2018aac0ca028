import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { DescMessage, JsonValue } from "@bufbuild/protobuf";
import { fromJson, toBinary } from "@bufbuild/protobuf";
import { RouteConfigurationSchema } from "../../../src/xds/generated/envoy/config/route/v3/route_pb.js";
import { decodeRouteConfiguration } from "../../../src/xds/resources/decode-route-configuration.ts";

function octets(schema: DescMessage, json: JsonValue): Uint8Array {
  return toBinary(schema, fromJson(schema, json));
}

describe("a RouteConfiguration", () => {
  const decode = (routes: readonly object[]) =>
    decodeRouteConfiguration(
      octets(RouteConfigurationSchema, {
        name: "rc",
        virtualHosts: [{ name: "vh", domains: ["*"], routes: routes as JsonValue[] }],
      }),
    );
  const to = { cluster: "svc" };

  it("becomes routes of ours", () => {
    const { value, problem } = decode([
      {
        match: { prefix: "/pkg.Svc/", headers: [{ name: "X-Canary", stringMatch: { exact: "1" } }] },
        route: {
          weightedClusters: {
            clusters: [
              { name: "a", weight: 90 },
              { name: "b", weight: 10 },
            ],
          },
        },
      },
      { match: { prefix: "" }, route: { ...to, maxStreamDuration: { grpcTimeoutHeaderMax: "2s" } } },
    ]);
    assert.equal(problem, undefined);
    const [first, second] = value!.virtualHosts[0]!.routes;
    assert.deepEqual(first!.matches, [
      { path: "/pkg.Svc/*", headers: [{ name: "x-canary", kind: "exact", value: "1" }] },
    ]);
    assert.deepEqual(first!.clusters, [
      { name: "a", weight: 90 },
      { name: "b", weight: 10 },
    ]);
    assert.equal(first!.name, "rc/vh/0");
    assert.deepEqual(second!.policy, { timeouts: { requestMs: 2000, idleMs: 0 }, retries: undefined });
  });

  it("changes headers, copies requests and keeps them together as it says", () => {
    const set = (key: string, value: string) => ({
      header: { key, value },
      appendAction: "OVERWRITE_IF_EXISTS_OR_ADD",
    });
    const { value, problem } = decodeRouteConfiguration(
      octets(RouteConfigurationSchema, {
        name: "rc",
        requestHeadersToRemove: ["X-Debug"],
        virtualHosts: [
          {
            name: "vh",
            domains: ["*"],
            responseHeadersToAdd: [set("X-By", "100%%")],
            routes: [
              {
                match: { prefix: "" },
                requestHeadersToAdd: [
                  set("X-Tenant", "acme"),
                  { header: { key: "x-more", value: "1" } },
                  set("x-not", ""),
                ],
                route: {
                  ...to,
                  hashPolicy: [
                    { queryParameter: { name: "q" } },
                    { header: { headerName: "X-User" } },
                    { header: { headerName: ":path" } },
                    { cookie: { name: "id" } },
                    { connectionProperties: { sourceIp: true } },
                  ],
                  requestMirrorPolicies: [
                    {
                      cluster: "shadow",
                      runtimeFraction: { defaultValue: { numerator: 125, denominator: "TEN_THOUSAND" } },
                    },
                  ],
                },
              },
            ],
          },
        ],
      }),
    );
    assert.equal(problem, undefined);
    const [route] = value!.virtualHosts[0]!.routes;
    assert.deepEqual(route!.requestHeaders, {
      set: { "x-tenant": "acme" },
      add: { "x-more": "1" },
      remove: ["x-debug"],
    });
    assert.deepEqual(route!.responseHeaders, { set: { "x-by": "100%" }, add: {}, remove: [] });
    assert.deepEqual([route!.mirror?.cluster, route!.mirror?.percent], ["shadow", 1.25]);
    assert.deepEqual(route!.hash, [
      { kind: "header", name: "x-user" },
      { kind: "method" },
      { kind: "cookie", name: "id" },
      { kind: "source" },
    ]);
  });

  it("of ours is the route it was made of", () => {
    const route = JSON.stringify({
      name: "mine",
      clusters: [{ name: "a", weight: 1 }],
      sticky: { kind: "source" },
    });
    const { value } = decode([
      { match: { prefix: "" }, route: to, metadata: { filterMetadata: { isobar: { route } } } },
    ]);
    assert.equal(value!.virtualHosts[0]!.routes[0]!.name, "mine");
    assert.deepEqual(value!.virtualHosts[0]!.routes[0]!.sticky, { kind: "source" });
  });

  for (const [title, route, problem] of [
    [
      "a regular expression",
      { match: { safeRegex: { regex: ".*" } }, route: to },
      /routes\[0\]\.match\.path_specifier: found safeRegex/,
    ],
    ["half a service", { match: { prefix: "/pkg." }, route: to }, /path_specifier: found prefix "\/pkg\."/],
    ["a share by chance", { match: { prefix: "", runtimeFraction: {} }, route: to }, /runtime_fraction/],
    ["a redirect", { match: { prefix: "" }, redirect: {} }, /action: found redirect, wanted route/],
    [
      "an inverted prefix",
      { match: { prefix: "", headers: [{ name: "a", prefixMatch: "b", invertMatch: true }] }, route: to },
      /headers\[0\]: found invert_match/,
    ],
    [
      "no cluster",
      { match: { prefix: "" }, route: { clusterHeader: "x" } },
      /found clusterHeader, wanted cluster/,
    ],
    [
      "a header that is computed",
      {
        match: { prefix: "" },
        route: to,
        requestHeadersToAdd: [{ header: { key: "a", value: "%REQ(b)%" } }],
      },
      /routes\[0\]\.request_headers_to_add\[0\]\.header\.value: found a command operator/,
    ],
    [
      "a header that belongs to HTTP/2",
      { match: { prefix: "" }, route: to, responseHeadersToRemove: ["Te"] },
      /routes\[0\]\.response_headers_to_remove\[0\]: found "Te"/,
    ],
    [
      "a header only where there is one",
      {
        match: { prefix: "" },
        route: to,
        requestHeadersToAdd: [{ header: { key: "a", value: "b" }, appendAction: "OVERWRITE_IF_EXISTS" }],
      },
      /append_action: found 3/,
    ],
    [
      "headers of one side of a split",
      {
        match: { prefix: "" },
        route: {
          weightedClusters: { clusters: [{ name: "a", weight: 1, requestHeadersToRemove: ["x"] }] },
        },
      },
      /weighted_clusters\.clusters\[0\]\.request_headers_to_add: found some/,
    ],
    [
      "copies to two places",
      {
        match: { prefix: "" },
        route: { ...to, requestMirrorPolicies: [{ cluster: "a" }, { cluster: "b" }] },
      },
      /request_mirror_policies: found 2, wanted one at most/,
    ],
    [
      "no weight",
      { match: { prefix: "" }, route: { weightedClusters: { clusters: [{ name: "a" }] } } },
      /no weight above 0/,
    ],
  ] as const) {
    it(`with ${title} is refused, and the field named`, () => {
      assert.match(decode([route]).problem ?? "", problem);
    });
  }
});
