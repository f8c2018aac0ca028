import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { clusterSettings } from "../../../src/resource/cluster-settings.ts";
import { ClusterColumn } from "../../../src/telemetry/cluster-counters.ts";
import { DisconnectReason } from "../../../src/telemetry/disconnect-reason.ts";
import { GuardCell } from "../../../src/telemetry/guard-cell.ts";
import { LocalProxy } from "../fixture/local-proxy.ts";
import { NamespaceBackend } from "../fixture/namespace-backend.ts";
import { RawBackend } from "../fixture/raw-backend.ts";
import { answerOf, RawClient } from "../fixture/raw-client.ts";
import { until } from "../fixture/until.ts";

const TIME_MS = 1000;
const TIMEOUT_MS = 1000;
/** And two sweeps. */
const DETECTED_MS = TIME_MS + TIMEOUT_MS + 2 * 1250;

const { CI = "" } = process.env;

const probe = await NamespaceBackend.start();
if (typeof probe !== "string") probe.stop();
const lacking = typeof probe === "string" ? probe : false;
/** CI lets nothing skip, but a machine that lends no network cannot be blamed: there it stays an open point of the report. */
const options = CI === "" ? { skip: lacking } : { todo: lacking };

describe("an endpoint in a network of its own", options, () => {
  let healthy: RawBackend;

  before(async () => {
    healthy = await RawBackend.start({ onRequest: ({ connection, id }) => connection.answer(id) });
  });
  after(() => healthy.stop());

  for (const way of ["freeze", "vanish"] as const) {
    const what = way === "freeze" ? "whose process is stopped" : "that vanishes without FIN";
    it(`${what} is found within time and timeout; what it had fails, what comes goes elsewhere`, async () => {
      const lost = await NamespaceBackend.start();
      assert.ok(typeof lost === "object", String(lost));
      const proxy = await LocalProxy.start();
      const client = new RawClient(proxy.port);
      try {
        proxy.apply([healthy.port, { address: lost.address, port: lost.port }], {
          settings: clusterSettings({ loadBalancing: { policy: "round_robin" } }),
          connectTimeoutMs: 500,
          keepaliveTimeMs: TIME_MS,
          keepaliveTimeoutMs: TIMEOUT_MS,
        });
        // One stream in progress at each of the two.
        const streams = [client.open(), client.open()];
        const answers = streams.map((stream) => answerOf(stream));
        const row = proxy.row();
        await until("both connected", () => row[ClusterColumn.upstreamConnections] === 2);
        lost[way]();
        const began = performance.now();
        const first = await Promise.race(answers);
        const tookMs = performance.now() - began;
        assert.equal(first.status, 14);
        assert.match(first.message, new RegExp(`connection lost .*${lost.address}`));
        assert.ok(tookMs <= DETECTED_MS, `${tookMs} ms`);
        await until(
          "counted",
          () => row[ClusterColumn.upstreamDisconnects + DisconnectReason.connectionTimedOut] === 1,
        );
        assert.equal(proxy.guarded(GuardCell.upstreamTimeouts), 1);
        for (let i = 0; i < 20; i++) assert.equal((await client.call()).status, 0);
        for (const stream of streams) stream.end();
        const statuses = (await Promise.all(answers)).map(({ status }) => status);
        assert.deepEqual(statuses.sort(), [0, 14], "the other stream goes on");
      } finally {
        client.close();
        lost.stop();
        await proxy.close();
      }
    });
  }
});
