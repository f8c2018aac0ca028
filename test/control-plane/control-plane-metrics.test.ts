import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { CONTROL_PLANE_METRIC } from "../../src/control-plane/control-plane-catalog.ts";
import { ControlPlaneEvents } from "../../src/control-plane/control-plane-events.ts";
import { ControlPlaneMetrics } from "../../src/control-plane/control-plane-metrics.ts";
import { FleetLoads } from "../../src/control-plane/fleet-loads.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { ResourceCache } from "../../src/xds/cache/resource-cache.ts";
import { TYPE_URL } from "../../src/xds/resources/type-url.ts";
import { AdsServer } from "../../src/xds/server/ads-server.ts";
import { StreamRig } from "../xds/server/stream-rig.ts";
import { service } from "../xds/service-builder.ts";

const page = readFileSync(new URL("../../docs/control-plane.md", import.meta.url), "utf8");

describe("the control plane's metrics", () => {
  it("are those of the page, with their types and labels", () => {
    const documented = page
      .split("\n")
      .filter((line) => line.startsWith("| `isobar_"))
      .map((line) => {
        const [name = "", type = "", labels = ""] = line.split("|").slice(1);
        const code = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map(([, text]) => text!);
        return { name: code(name)[0]!, type: type.trim(), labelNames: code(labels) };
      });
    const known = Object.values(CONTROL_PLANE_METRIC).map(({ name, type, labelNames }) => {
      return { name, type, labelNames: [...labelNames] };
    });
    const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
    assert.deepEqual(documented.sort(byName), known.sort(byName));
  });

  it("say what has happened", async () => {
    const lines: string[] = [];
    const events = new ControlPlaneEvents(createLog({ stream: { write: (line) => void lines.push(line) } }));
    const cache = new ResourceCache();
    const server = new AdsServer({ source: cache, events, onFault: () => {} });
    const loads = new FleetLoads({ cache, fleetService: undefined, onFault: () => {}, onRefused: () => {} });
    const metrics = new ControlPlaneMetrics({ cache, events, server, loads });
    cache.upsert(service("a:1", 3));
    cache.synced();
    const { stream } = new StreamRig().sotw("envoy");
    const response = { version: "1", resources: new Map([["a:1", "1"]]), sentAtMs: performance.now() };
    events.pushed(stream, TYPE_URL.cluster, response, 500);
    events.answered(stream, TYPE_URL.cluster, response, undefined);
    events.answered(stream, TYPE_URL.cluster, response, "no such policy");
    const text = (await metrics.render()).join("");
    for (const line of [
      "isobar_xds_server_synced 1",
      "isobar_xds_server_endpoints 3",
      'isobar_xds_server_sent_bytes_total{type="Cluster"} 500',
      'isobar_xds_server_answers_total{type="Cluster",result="accepted"} 1',
      'isobar_xds_server_answers_total{type="Cluster",result="refused"} 1',
      "isobar_xds_server_answer_seconds_count 2",
      'isobar_xds_server_load_reports_total{client="envoy"} 0',
    ])
      assert.ok(text.includes(`${line}\n`), `${line} is not in\n${text}`);
    assert.equal(lines.length, 1);
    assert.match(lines[0]!, /refuses resources.*|no such policy/);
  });

  it("never come with more lines in the log than a person reads, however many clients refuse", () => {
    const lines: string[] = [];
    const events = new ControlPlaneEvents(createLog({ stream: { write: (line) => void lines.push(line) } }));
    const { stream } = new StreamRig().sotw("envoy");
    const response = { version: "1", resources: new Map([["a:1", "1"]]), sentAtMs: 0 };
    for (let i = 0; i < 1_000; i++) events.answered(stream, TYPE_URL.cluster, response, "no");
    assert.equal(lines.length, 60);
    assert.equal(events.tallies.get(TYPE_URL.cluster)!.refused, 1_000);
  });
});
