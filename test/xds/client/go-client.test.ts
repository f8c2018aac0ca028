import assert from "node:assert/strict";
import { Backends } from "../../clients/harness/backends.ts";
import { assertSpread, runChecks } from "../../clients/harness/checks.ts";
import { go } from "../../clients/harness/go.ts";
import { AUTHORITY } from "../../clients/harness/proxy.ts";
import { declare } from "../../clients/harness/suite.ts";
import { ControlPlaneProcess, goControlPlane } from "./control-plane-program.ts";
import { cluster, listener, loadAssignment, plainRoute, routeConfiguration } from "./xds-messages.ts";
import { XdsProxy } from "./xds-proxy.ts";

const NAMES = ["first", "second", "third"];

declare(
  "a grpc-go client passes every check at a service that only the control plane knows",
  [go, goControlPlane],
  async () => {
    const backends = await Backends.start(go, NAMES);
    const controlPlane = await ControlPlaneProcess.start();
    const ports = backends.addresses.map((address) => Number(address.slice(address.lastIndexOf(":") + 1)));
    await controlPlane.put("loadAssignment", loadAssignment("canonical", ports));
    await controlPlane.put("cluster", cluster("canonical"));
    await controlPlane.put("routeConfiguration", routeConfiguration("echo", [plainRoute("canonical")]));
    await controlPlane.put("listener", listener(AUTHORITY, "echo"));
    const proxy = await XdsProxy.start({ addresses: [controlPlane.address] });
    try {
      assertSpread(await runChecks(go, proxy.address, AUTHORITY), NAMES, 1.1);
      // What is ours alone it is not asked for, and no load is reported that it did not ask for.
      assert.deepEqual(
        controlPlane.requests.filter(({ type }) => type.includes("isobar.v1")),
        [],
      );
      const { fleet } = JSON.parse(await proxy.admin("/xds")) as { readonly fleet: object };
      assert.deepEqual(fleet, { reporting: false, place: null, services: {} });
    } finally {
      await proxy.stop();
      await controlPlane.stop();
      await backends.stop();
    }
  },
);
