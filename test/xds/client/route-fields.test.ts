import assert from "node:assert/strict";
import { declare } from "../../clients/harness/suite.ts";
import { ControlPlaneProcess, goControlPlane } from "./control-plane-program.ts";
import { EchoBackend, EchoCaller } from "./echo-backends.ts";
import { cluster, listener, loadAssignment, routeConfiguration } from "./xds-messages.ts";
import { XdsProxy } from "./xds-proxy.ts";

const AUTHORITY = "echo.default:50051";
const SHADOW = "shadow.default:50051";

declare(
  "keeps requests together, changes headers and copies requests as any control plane says",
  [goControlPlane],
  async () => {
    const [first, second, third, shadow] = (await Promise.all(
      ["a", "b", "c", "shadow"].map((name) => EchoBackend.start(name)),
    )) as [EchoBackend, EchoBackend, EchoBackend, EchoBackend];
    const controlPlane = await ControlPlaneProcess.start();
    const ports = [first, second, third].map(({ port }) => port);
    await controlPlane.put("loadAssignment", loadAssignment(AUTHORITY, ports));
    await controlPlane.put("loadAssignment", loadAssignment(SHADOW, [shadow.port]));
    await controlPlane.put("cluster", cluster(AUTHORITY, { lbPolicy: "RING_HASH" }));
    await controlPlane.put("cluster", cluster(SHADOW));
    const route = {
      match: { prefix: "" },
      requestHeadersToAdd: [
        { header: { key: "x-tenant", value: "acme" }, appendAction: "OVERWRITE_IF_EXISTS_OR_ADD" },
      ],
      requestHeadersToRemove: ["x-secret"],
      route: {
        cluster: AUTHORITY,
        hashPolicy: [{ header: { headerName: "x-user" } }],
        requestMirrorPolicies: [{ cluster: SHADOW }],
      },
    };
    await controlPlane.put("routeConfiguration", routeConfiguration("echo", [route]));
    await controlPlane.put("listener", listener(AUTHORITY, "echo"));
    const proxy = await XdsProxy.start({ addresses: [controlPlane.address] });
    const caller = new EchoCaller(proxy.address, AUTHORITY);
    try {
      const places = new Map<string, Set<string>>();
      for (let i = 0; i < 60; i++) {
        const user = `user-${i % 12}`;
        const { name, details } = await caller.call(20_000, {
          "x-user": user,
          "x-secret": "1",
          "x-tenant": "theirs",
        });
        assert.notEqual(name, "", details);
        places.set(user, (places.get(user) ?? new Set()).add(name));
      }
      // Each user at one endpoint, all of them at more than one.
      assert.deepEqual(
        [...places.values()].map(({ size }) => size),
        Array.from({ length: 12 }, () => 1),
      );
      assert.ok(new Set([...places.values()].flatMap((each) => [...each])).size > 1);
      const seen = [first, second, third].flatMap((each) => each.seen);
      assert.equal(seen.length, 60);
      for (const metadata of seen) {
        assert.deepEqual(metadata.get("x-tenant"), ["acme"]);
        assert.deepEqual(metadata.get("x-secret"), []);
      }
      await proxy.eventually(async () => shadow.seen.length > 30);
    } finally {
      caller.close();
      await proxy.stop();
      await controlPlane.stop();
      for (const each of [first, second, third, shadow]) each.stop();
    }
  },
);
