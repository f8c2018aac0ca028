import assert from "node:assert/strict";
import { it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { clusterSettings } from "../../../src/resource/cluster-settings.ts";
import { LOAD_BALANCING_DEFAULTS } from "../../../src/resource/load-balancing.ts";
import { LocalProxy } from "../fixture/local-proxy.ts";
import { RawBackend } from "../fixture/raw-backend.ts";
import { RawClient } from "../fixture/raw-client.ts";
import { LiveRoutes } from "./live-routes.ts";

it("requests that a route restricts to labels go to the next zone, too, when their own has too much to do", async (context) => {
  const proxy = await LocalProxy.start({ zone: "a" });
  let isStuck = false;
  const calls = { near: 0, far: 0 };
  const near = await RawBackend.start({
    onRequest: ({ connection, id }) => {
      calls.near++;
      if (!isStuck) connection.answer(id);
    },
  });
  const far = await RawBackend.start({
    onRequest: ({ connection, id }) => {
      calls.far++;
      connection.answer(id);
    },
  });
  const { locality } = LOAD_BALANCING_DEFAULTS;
  const labels = { track: "stable" };
  proxy.apply(
    [
      { port: near.port, zone: "a", labels },
      { port: far.port, zone: "b", labels },
    ],
    {
      name: "svc:1",
      maxPendingStreams: 10_000,
      settings: clusterSettings({
        loadBalancing: { locality: { ...locality, distribution: "PreferSameZone" } },
      }),
    },
  );
  const restriction = { labels, fromHeaders: {}, fallback: "fail" } as const;
  await new LiveRoutes(proxy).apply({ authorities: ["svc:1"], endpoints: restriction });
  const client = new RawClient(proxy.port);
  context.after(async () => {
    client.close();
    near.stop();
    far.stop();
    await proxy.close();
  });
  const call = () => client.call(Buffer.alloc(5), { ":authority": "svc:1" });
  for (let i = 0; i < 50; i++) assert.equal((await call()).status, 0);
  // Now and then one finds out how it is there.
  assert.ok(calls.near > 40, JSON.stringify(calls));
  isStuck = true;
  const before = calls.far;
  for (let i = 0; i < 600 && calls.far < before + 50; i++) {
    void call().catch(() => undefined);
    if (i % 10 === 0) await sleep(10);
    proxy.dataPlane.sample();
  }
  assert.ok(calls.far >= before + 50, JSON.stringify(calls));
});
