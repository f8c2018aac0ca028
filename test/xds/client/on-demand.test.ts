import assert from "node:assert/strict";
import { declare } from "../../clients/harness/suite.ts";
import { ControlPlaneProcess, goControlPlane } from "./control-plane-program.ts";
import { EchoBackend, EchoCaller } from "./echo-backends.ts";
import { cluster, listener, loadAssignment, plainRoute, routeConfiguration } from "./xds-messages.ts";
import { XdsProxy } from "./xds-proxy.ts";

const AUTHORITY = "echo.default.svc.cluster.local:50051";
const SHORT = "echo.default:50051";

async function serveEcho(controlPlane: ControlPlaneProcess, ports: readonly number[]): Promise<void> {
  await controlPlane.put("loadAssignment", loadAssignment("echo.default:50051", ports));
  await controlPlane.put("cluster", cluster("echo.default:50051"));
  await controlPlane.put(
    "routeConfiguration",
    routeConfiguration("echo", [plainRoute("echo.default:50051")]),
  );
  await controlPlane.put("listener", listener(AUTHORITY, "echo"));
  await controlPlane.put("listener", listener(SHORT, "echo"));
}

declare("asks a control plane when the first request for a service comes", [goControlPlane], async () => {
  const backends = await Promise.all(["a", "b", "c"].map((name) => EchoBackend.start(name)));
  const controlPlane = await ControlPlaneProcess.start();
  const [first, second, third] = backends.map(({ port }) => port) as [number, number, number];
  await serveEcho(controlPlane, [first, second]);
  const proxy = await XdsProxy.start({ addresses: [controlPlane.address] });
  const caller = new EchoCaller(proxy.address, AUTHORITY);
  const short = new EchoCaller(proxy.address, SHORT);
  const nobody = new EchoCaller(proxy.address, "nobody.default:1");
  try {
    assert.equal(controlPlane.requests.length, 0, "nothing is asked for before somebody wants it");
    assert.deepEqual(await caller.spread(20), { a: 10, b: 10 });
    assert.deepEqual(await short.spread(20), { a: 10, b: 10 });
    assert.equal(controlPlane.requests[0]!.node, "n1 isobar zone-a");

    await controlPlane.put("loadAssignment", loadAssignment("echo.default:50051", [first, second, third]));
    await proxy.eventually(async () => (await proxy.admin("/clusters")).includes(`:${third} `));
    assert.deepEqual(await caller.spread(30), { a: 10, b: 10, c: 10 });

    const { code, details } = await nobody.call();
    assert.equal(code, 14, details);
    assert.match(details, /has not said in time .* "nobody.default:1"/);
  } finally {
    for (const each of [caller, short, nobody]) each.close();
    await proxy.stop();
    await controlPlane.stop();
    for (const backend of backends) backend.stop();
  }
});
