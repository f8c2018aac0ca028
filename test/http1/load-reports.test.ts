import assert from "node:assert/strict";
import type { RequestListener } from "node:http";
import { it } from "node:test";
import { emptyLoadReport } from "../../src/grpc/load-report.ts";
import { clusterSettings } from "../../src/resource/cluster-settings.ts";
import { LOAD_BALANCING_DEFAULTS } from "../../src/resource/load-balancing.ts";
import { ClusterColumn } from "../../src/telemetry/cluster-counters.ts";
import { WEB } from "./http1-rig.ts";
import { AS_HTTP1, get, through } from "./http1-stage.ts";

const LISTENER: RequestListener = (_, response) => {
  response.writeHead(200, {
    "Endpoint-Load-Metrics": "TEXT application_utilization=0.25,eps=2",
    "x-end": "2",
  });
  response.end("ok");
};

it("a report of load in an answer of HTTP/1.1 is kept, and passed on to clients only that ask for it", async () => {
  await through(LISTENER, async (client, backend, rig) => {
    const loadReports = { ...LOAD_BALANCING_DEFAULTS.loadReports, perRequest: true };
    rig.proxy.apply([backend.port], {
      ...AS_HTTP1,
      settings: clusterSettings({ loadBalancing: { loadReports } }),
    });
    client.say(get("/a"));
    const plain = (await client.hears("ok")).toLowerCase();
    assert.match(plain, /x-end: 2/);
    assert.ok(!plain.includes("endpoint-load-metrics"), plain);
    const report = emptyLoadReport();
    assert.ok(rig.proxy.endpoints.measures.readReport(rig.proxy.slotOf(backend.port, WEB), report) > 0);
    assert.deepEqual([report.utilization, report.eps], [0.25, 2]);
    client.say(get("/b", "Endpoint-Load-Metrics-Format: TEXT\r\n"));
    assert.match(
      await client.hears("ok", 2),
      /endpoint-load-metrics: TEXT application_utilization=0.25,eps=2/i,
    );
    assert.equal(rig.proxy.row(WEB)[ClusterColumn.loadReports], 2);
  });
});

it("such a report is nobody's business where it is not asked for", async () => {
  await through(LISTENER, async (client, _, rig) => {
    client.say(get("/a"));
    assert.match(await client.hears("ok"), /endpoint-load-metrics: TEXT/i);
    assert.equal(rig.proxy.row(WEB)[ClusterColumn.loadReports], 0);
  });
});
