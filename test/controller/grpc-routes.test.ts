import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { RawObject } from "../../src/kube/raw-object.ts";
import type { Route } from "../../src/resource/route.ts";
import { ControllerRig } from "./harness/controller-rig.ts";
import { metadata, rawService } from "./harness/raw-objects.ts";

const ECHO = "echo.shop:50051";
const UNRESOLVED = "unresolved.isobar:1";
const PARENT = { group: "", kind: "Service", name: "echo" };

/** A GRPCRoute for the Service echo. */
function route(
  name: string,
  rules: readonly object[],
  more: { parents?: readonly object[]; createdAt?: string } = {},
): RawObject {
  const { parents = [PARENT], createdAt = "2026-11-23T00:00:00Z" } = more;
  return { metadata: metadata(name, { creationTimestamp: createdAt }), spec: { parentRefs: parents, rules } };
}

const to = (name: string, weight = 1, more: object = {}) => ({ name, port: 50051, weight, ...more });
const method = (service?: string, name?: string) => ({ method: { service, method: name } });

async function rigWith(...services: readonly string[]): Promise<ControllerRig> {
  const rig = new ControllerRig();
  await rig.write("services", ...["echo", ...services].map((name) => rawService(name)));
  return rig;
}

function routesOf(rig: ControllerRig): readonly Route[] {
  return rig.services.get(ECHO)!.routes;
}

function conditionsOf(
  rig: ControllerRig,
  name: string,
): { readonly Accepted?: string; readonly ResolvedRefs?: string } {
  const { conditions = [] } = rig.said.get(`GRPCRoute ${name}`) ?? {};
  return Object.fromEntries(conditions.map(({ type, status, reason }) => [type, `${status} ${reason}`]));
}

describe("a GRPCRoute", () => {
  it("splits by weight, for every spelling of its Service", async () => {
    const rig = await rigWith("v1", "v2");
    await rig.write("routes", route("split", [{ backendRefs: [to("v1", 90), to("v2", 10)] }]));
    const [first, ...others] = routesOf(rig);
    assert.deepEqual(first?.clusters, [
      { name: "v1.shop:50051", weight: 90 },
      { name: "v2.shop:50051", weight: 10 },
    ]);
    assert.deepEqual(first?.authorities, rig.services.get(ECHO)?.authorities);
    assert.equal(first?.name, "shop.split.0.shop.echo.50051");
    assert.deepEqual(others, []);
    assert.deepEqual(conditionsOf(rig, "split"), {
      Accepted: "True Accepted",
      ResolvedRefs: "True ResolvedRefs",
    });
    assert.equal(rig.services.get(ECHO)?.cause?.object, "GRPCRoute shop/split");
  });

  it("matches methods and headers, the closest first, whatever route it stands in; the rest is for nobody", async () => {
    const rig = await rigWith("v1", "v2", "v3");
    await rig.write(
      "routes",
      route("a", [{ matches: [method("shop.Echo")], backendRefs: [to("v1")] }]),
      route("b", [
        { matches: [method("shop.Echo", "Say")], backendRefs: [to("v2")] },
        {
          matches: [{ ...method("shop.Echo", "Say"), headers: [{ name: "X-Canary", value: "1" }] }],
          backendRefs: [to("v3")],
        },
      ]),
    );
    assert.deepEqual(
      routesOf(rig).map(({ matches, clusters }) => [
        matches[0]?.path,
        matches[0]?.headers.length,
        clusters[0]?.name,
      ]),
      [
        ["/shop.Echo/Say", 1, "v3.shop:50051"],
        ["/shop.Echo/Say", 0, "v2.shop:50051"],
        ["/shop.Echo/*", 0, "v1.shop:50051"],
      ],
    );
    assert.equal(rig.services.get(ECHO)?.routesOnly, true);
    assert.deepEqual(routesOf(rig)[0]?.matches[0]?.headers, [
      { name: "x-canary", kind: "exact", value: "1" },
    ]);
    assert.equal(new Set(routesOf(rig).map(({ name }) => name)).size, 3);
    assert.ok(rig.services.has(UNRESOLVED));
    assert.deepEqual(rig.services.get(UNRESOLVED)?.cluster.endpoints, []);
  });

  it("that is older comes before a younger one that matches as closely", async () => {
    const rig = await rigWith("v1", "v2");
    const rule = (name: string) => [{ matches: [method("shop.Echo")], backendRefs: [to(name)] }];
    await rig.write(
      "routes",
      route("a", rule("v1"), { createdAt: "2026-11-23T02:00:00Z" }),
      route("z", rule("v2"), { createdAt: "2026-11-23T01:00:00Z" }),
    );
    assert.equal(routesOf(rig)[0]?.clusters[0]?.name, "v2.shop:50051");
  });

  it("changes headers and mirrors", async () => {
    const rig = await rigWith("v1", "shadow");
    const filters = [
      {
        type: "RequestHeaderModifier",
        requestHeaderModifier: { set: [{ name: "X-Env", value: "prod" }], remove: ["X-Debug"] },
      },
      { type: "RequestMirror", requestMirror: { backendRef: to("shadow"), percent: 5 } },
    ];
    await rig.write("routes", route("r", [{ filters, backendRefs: [to("v1")] }]));
    const [first] = routesOf(rig);
    assert.deepEqual(first?.requestHeaders, { set: { "x-env": "prod" }, add: {}, remove: ["x-debug"] });
    assert.deepEqual([first?.mirror?.cluster, first?.mirror?.percent], ["shadow.shop:50051", 5]);
  });

  it("whose backend is missing fails that share only, says so, and mends itself when the backend comes", async () => {
    const rig = await rigWith("v1");
    await rig.write("routes", route("r", [{ backendRefs: [to("v1", 9), to("v2", 1)] }]));
    assert.deepEqual(routesOf(rig)[0]?.clusters, [
      { name: "v1.shop:50051", weight: 9 },
      { name: UNRESOLVED, weight: 1 },
    ]);
    assert.deepEqual(conditionsOf(rig, "r"), {
      Accepted: "True Accepted",
      ResolvedRefs: "False BackendNotFound",
    });
    assert.match(
      rig.said.get("GRPCRoute r")?.problems[0]?.field ?? "",
      /^spec\.rules\[0\]\.backendRefs\[1\]$/,
    );
    await rig.write("services", rawService("v2"));
    assert.equal(routesOf(rig)[0]?.clusters[1]?.name, "v2.shop:50051");
    assert.equal(conditionsOf(rig, "r").ResolvedRefs, "True ResolvedRefs");
  });

  it("reaches into another namespace only where a ReferenceGrant there lets it", async () => {
    const rig = await rigWith();
    await rig.write("services", rawService("pay", {}, { namespace: "bank" }));
    await rig.write("routes", route("r", [{ backendRefs: [to("pay", 1, { namespace: "bank" })] }]));
    assert.equal(routesOf(rig)[0]?.clusters[0]?.name, UNRESOLVED);
    assert.equal(conditionsOf(rig, "r").ResolvedRefs, "False RefNotPermitted");
    const grant = (namespace: string): RawObject => ({
      metadata: metadata("grant", { namespace: "bank" }),
      spec: {
        from: [{ group: "gateway.networking.k8s.io", kind: "GRPCRoute", namespace }],
        to: [{ group: "", kind: "Service", name: "pay" }],
      },
    });
    await rig.write("grants", grant("elsewhere"));
    assert.equal(routesOf(rig)[0]?.clusters[0]?.name, UNRESOLVED);
    await rig.write("grants", grant("shop"));
    assert.equal(routesOf(rig)[0]?.clusters[0]?.name, "pay.bank:50051");
    await rig.delete("grants", grant("shop"));
    assert.equal(routesOf(rig)[0]?.clusters[0]?.name, UNRESOLVED);
  });

  const UNSUPPORTED: readonly (readonly [string, object, RegExp])[] = [
    [
      "an expression for a method",
      { matches: [{ method: { type: "RegularExpression", service: "a.*" } }] },
      /^spec\.rules\[0\]\.matches\[0\]\.method\.type: found RegularExpression, wanted Exact/,
    ],
    [
      "a method of any service",
      { matches: [{ method: { method: "Say" } }] },
      /^spec\.rules\[0\]\.matches\[0\]\.method\.service: found nothing, wanted the service/,
    ],
    [
      "an extension",
      { filters: [{ type: "ExtensionRef" }] },
      /^spec\.rules\[0\]\.filters\[0\]\.type: found ExtensionRef, wanted RequestHeaderModifier/,
    ],
    [
      "filters of one backend",
      { backendRefs: [to("v1", 1, { filters: [{ type: "RequestHeaderModifier" }] })] },
      /^spec\.rules\[0\]\.backendRefs\[0\]\.filters: is not supported/,
    ],
    [
      "a header that belongs to HTTP/2",
      {
        filters: [
          { type: "RequestHeaderModifier", requestHeaderModifier: { set: [{ name: "te", value: "x" }] } },
        ],
      },
      /^spec\.rules\[0\]\.requestHeaders\.set/,
    ],
  ];
  for (const [name, rule, message] of UNSUPPORTED) {
    it(`with ${name} is refused by field, and its last good version stays`, async () => {
      const rig = await rigWith("v1", "v2");
      const good = route("r", [{ backendRefs: [to("v1")] }]);
      await rig.write("routes", good);
      const { generation, resourceVersion } = metadata("later");
      const bad = {
        metadata: { ...good.metadata, generation, resourceVersion } as NonNullable<RawObject["metadata"]>,
        spec: { parentRefs: [PARENT], rules: [{ backendRefs: [to("v2")], ...rule }] },
      };
      await rig.write("routes", bad);
      assert.equal(routesOf(rig)[0]?.clusters[0]?.name, "v1.shop:50051");
      assert.equal(conditionsOf(rig, "r").Accepted, "False UnsupportedValue");
      const [accepted] = rig.said.get("GRPCRoute r")?.conditions ?? [];
      assert.match(accepted?.message ?? "", message);
      assert.match(accepted?.message ?? "", /its last good version stays in force$/);
    });
  }

  it("for a Gateway is none of our business", async () => {
    const rig = await rigWith("v1");
    const parents = [{ name: "front" }];
    await rig.write("routes", route("r", [{ backendRefs: [to("v1")] }], { parents }));
    assert.deepEqual(routesOf(rig), []);
    assert.equal(rig.said.has("GRPCRoute r"), false);
  });

  it("for a port that its Service has not is told so, and one for one port is for no other", async () => {
    const rig = await rigWith("v1");
    const rules = [{ backendRefs: [to("v1")] }];
    await rig.write("routes", route("r", rules, { parents: [{ ...PARENT, port: 1 }] }));
    assert.deepEqual(routesOf(rig), []);
    assert.equal(conditionsOf(rig, "r").Accepted, "False NoMatchingParent");
  });

  it("that goes leaves its Service as it was", async () => {
    const rig = await rigWith("v1");
    const it = route("r", [{ backendRefs: [to("v1")] }]);
    await rig.write("routes", it);
    assert.deepEqual(await rig.delete("routes", it), [`-${UNRESOLVED}`, `+${ECHO}`]);
    assert.deepEqual(routesOf(rig), []);
    assert.equal(rig.services.get(ECHO)?.routesOnly, undefined);
  });
});
