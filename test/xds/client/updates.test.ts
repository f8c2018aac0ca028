import assert from "node:assert/strict";
import { declare } from "../../clients/harness/suite.ts";
import { ControlPlaneProcess, goControlPlane } from "./control-plane-program.ts";
import { EchoBackend, EchoCaller } from "./echo-backends.ts";
import { cluster, listener, loadAssignment, plainRoute, routeConfiguration } from "./xds-messages.ts";
import { XdsProxy } from "./xds-proxy.ts";

const AUTHORITY = "echo.default:50051";
const CANARY = "canary.default:50051";

async function serve(controlPlane: ControlPlaneProcess, ports: readonly number[]): Promise<void> {
  await controlPlane.put("loadAssignment", loadAssignment(AUTHORITY, ports));
  await controlPlane.put("cluster", cluster(AUTHORITY));
  await controlPlane.put("routeConfiguration", routeConfiguration("echo", [plainRoute(AUTHORITY)]));
  await controlPlane.put("listener", listener(AUTHORITY, "echo"));
}

declare("believes updates as they deserve it", [goControlPlane], async () => {
  const backends = await Promise.all(["a", "b", "c"].map((name) => EchoBackend.start(name)));
  const ports = backends.map(({ port }) => port);
  const [controlPlane, spare] = [await ControlPlaneProcess.start(), await ControlPlaneProcess.start()];
  await serve(controlPlane, ports);
  await serve(spare, ports);
  const addresses = [controlPlane.address, spare.address];
  const proxy = await XdsProxy.start({ addresses, controlPlane: "holdBack: 10m, idleTimeout: 1h" });
  const caller = new EchoCaller(proxy.address, AUTHORITY);
  const refusal = (type: string) =>
    controlPlane.requests.findLast((request) => request.error !== undefined && request.type.endsWith(type));
  try {
    assert.deepEqual(await caller.spread(9), { a: 3, b: 3, c: 3 });

    // What is refused leaves the last good one in force, and says what is wrong.
    await controlPlane.put("cluster", cluster(AUTHORITY, { type: "LOGICAL_DNS" }));
    await controlPlane.eventually(() => refusal("Cluster") !== undefined);
    assert.match(
      refusal("Cluster")?.error ?? "",
      /^echo\.default:50051 version \S+: Cluster: type: found LOGICAL_DNS, wanted EDS or STATIC$/,
    );
    assert.deepEqual(await caller.spread(9), { a: 3, b: 3, c: 3 });
    assert.match(await proxy.admin("/xds"), /"problem": "echo.default:50051 version/);
    await controlPlane.put("cluster", cluster(AUTHORITY));
    await proxy.eventually(async () => !(await proxy.admin("/xds")).includes("problem"));

    // Routes: a method of its own cluster, the rest split no more than before.
    await controlPlane.put("loadAssignment", loadAssignment(CANARY, [ports[2]!]));
    await controlPlane.put("cluster", cluster(CANARY));
    const toCanary = { match: { path: "/test.Echo/Name" }, route: { cluster: CANARY } };
    await controlPlane.put(
      "routeConfiguration",
      routeConfiguration("echo", [toCanary, plainRoute(AUTHORITY)]),
    );
    await proxy.eventually(async () => (await proxy.admin("/routes")).includes(CANARY));
    assert.deepEqual(await caller.spread(4), { c: 4 });
    await controlPlane.put("routeConfiguration", routeConfiguration("echo", [plainRoute(AUTHORITY)]));
    await proxy.eventually(async () => !(await proxy.admin("/clusters")).includes(CANARY));
    assert.deepEqual(await caller.spread(9), { a: 3, b: 3, c: 3 });

    // An update that guts the service is held back until somebody says that it is meant.
    await controlPlane.put("loadAssignment", loadAssignment(AUTHORITY, ports.slice(0, 1)));
    await proxy.eventually(async () => (await proxy.metrics()).includes("held_back_endpoints 2"));
    assert.deepEqual(await caller.spread(9), { a: 3, b: 3, c: 3 });
    assert.equal(await proxy.admin("/xds/release", "POST"), `released ${AUTHORITY}\n`);
    await proxy.eventually(async () => !(await proxy.admin("/clusters")).includes(`:${ports[1]} `));
    assert.deepEqual(await caller.spread(3), { a: 3 });

    // The other control plane takes over, and no call is lost.
    await controlPlane.stop();
    await proxy.eventually(async () => (await proxy.admin("/clusters")).includes(`:${ports[1]} `));
    assert.deepEqual(await caller.spread(9), { a: 3, b: 3, c: 3 });
    assert.match(await proxy.metrics(), /^isobar_xds_client_connected 1$/m);
  } finally {
    caller.close();
    await proxy.stop();
    await controlPlane.stop();
    await spare.stop();
    for (const backend of backends) backend.stop();
  }
});
