import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, it } from "node:test";
import { findTail } from "../../src/audit/audit-folder.ts";
import { Audit } from "../../src/control-plane/audit/audit.ts";
import { ControlPlaneEvents } from "../../src/control-plane/control-plane-events.ts";
import { ControlPlaneMetrics } from "../../src/control-plane/control-plane-metrics.ts";
import { FleetLoads } from "../../src/control-plane/fleet-loads.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { ResourceCache } from "../../src/xds/cache/resource-cache.ts";
import { AdsServer } from "../../src/xds/server/ads-server.ts";
import { service } from "../xds/service-builder.ts";

const folder = await mkdtemp(join(tmpdir(), "isobar-audit-metrics-"));
after(() => rm(folder, { recursive: true, force: true }));

it("metrics have the published head, one at a time, and what was written", async () => {
  const log = createLog({ level: "silent" });
  const events = new ControlPlaneEvents(log);
  const cache = new ResourceCache();
  const server = new AdsServer({ source: cache, events, onFault: () => {} });
  const loads = new FleetLoads({ cache, fleetService: undefined, onFault: () => {}, onRefused: () => {} });
  const heads: string[] = [];
  const run = async (endpoints: number): Promise<string> => {
    const audit = await Audit.open({ folder, fileOctets: 1_000_000, maxFiles: 4 }, log);
    audit.publisher = {
      publish: ({ n, hash }) => void heads.push(`${n} ${hash}`),
      close: () => Promise.resolve(),
    };
    const metrics = new ControlPlaneMetrics({ cache, events, server, loads, audit });
    await metrics.render();
    const sink = audit.sink(cache);
    sink.upsert(service("a:1", endpoints));
    sink.synced();
    // The head is published once more at the end.
    await audit.close();
    return (await metrics.render()).join("");
  };
  for (const endpoints of [1, 2]) {
    const text = await run(endpoints);
    const { n, hash } = await findTail(folder);
    const shown = text.split("\n").filter((line) => line.startsWith("isobar_xds_server_audit_head{"));
    assert.deepEqual(shown, [`isobar_xds_server_audit_head{hash="${hash}"} ${n}`]);
    assert.equal(heads.at(-1), `${n} ${hash}`);
    assert.match(text, /^isobar_xds_server_audit_writing 1$/m);
    assert.match(text, /^isobar_xds_server_audit_records_total\{result="written"\} 4$/m);
    assert.match(text, /^isobar_xds_server_audit_records_total\{result="lost"\} 0$/m);
  }
  loads.close();
  assert.equal(cache.endpointCount, 2, "the sink behind it was told too");
});
