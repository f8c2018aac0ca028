import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { Metadata, status } from "@grpc/grpc-js";
import { emptyLoadReport } from "../../src/grpc/load-report.ts";
import type { ClusterSettings } from "../../src/resource/cluster-settings.ts";
import { clusterSettings } from "../../src/resource/cluster-settings.ts";
import type { LoadReportSettings } from "../../src/resource/load-balancing.ts";
import { LOAD_BALANCING_DEFAULTS } from "../../src/resource/load-balancing.ts";
import { ClusterColumn } from "../../src/telemetry/cluster-counters.ts";
import { orcaReport } from "../grpc/orca-schema.ts";
import { GrpcClient } from "./fixture/grpc-client.ts";
import { LocalProxy } from "./fixture/local-proxy.ts";
import {
  Flag,
  frame,
  literal,
  OK_TRAILERS,
  RawBackend,
  RESPONSE_HEADERS,
  Type,
} from "./fixture/raw-backend.ts";
import { ReportingBackend } from "./fixture/reporting-backend.ts";
import { until } from "./fixture/until.ts";

const BINARY = "endpoint-load-metrics-bin";
const TEXT = "endpoint-load-metrics";
/** Cells of ClusterColumn.loadReports. */
const Cell = { used: 0, partial: 1, malformed: 2, outOfBandUsed: 3, outOfBandMalformed: 5 } as const;

function reports(changes: Partial<LoadReportSettings>): ClusterSettings {
  const loadReports = { ...LOAD_BALANCING_DEFAULTS.loadReports, ...changes };
  return clusterSettings({ loadBalancing: { loadReports } });
}

describe("load reports", () => {
  let backend: ReportingBackend;
  let proxy: LocalProxy;
  let client: GrpcClient;

  beforeEach(async () => {
    backend = await ReportingBackend.start();
    proxy = await LocalProxy.start();
    client = new GrpcClient(proxy.port);
  });

  afterEach(async () => {
    client.close();
    proxy.apply([], {});
    await until("no stream is left", () => backend.streams.size === 0);
    await proxy.close();
    backend.stop();
  });

  const count = (cell: number): number => proxy.row()[ClusterColumn.loadReports + cell]!;
  const lastReport = () => {
    const report = emptyLoadReport();
    return { atMs: proxy.endpoints.measures.readReport(proxy.slotOf(backend.port), report), ...report };
  };

  describe("in trailers", () => {
    it("are kept, and taken out before the client", async () => {
      proxy.apply([backend.port], { settings: reports({ perRequest: true }) });
      for (const cpuUtilization of [0.25, 0.75, 0.75, 0.75]) {
        backend.trailers = {
          "x-first": "1",
          [BINARY]: orcaReport({ cpuUtilization, rpsFractional: 9 }),
          "x-last": "2",
        };
        const { code, trailers } = await client.unary("hello");
        assert.equal(code, status.OK);
        assert.deepEqual(Object.keys(trailers.getMap()).sort(), ["x-first", "x-last"]);
        const { atMs, cpu, utilization, qps, memory } = lastReport();
        assert.ok(atMs > 0);
        assert.deepEqual([cpu, utilization, qps, memory], [cpuUtilization, cpuUtilization, 9, -1]);
      }
      assert.equal(count(Cell.used), 4);
    });

    it("are given to a client that says which form it wants, and kept as well", async () => {
      proxy.apply([backend.port], { settings: reports({ perRequest: true }) });
      backend.trailers = { [TEXT]: "TEXT cpu_utilization=0.5" };
      const metadata = new Metadata();
      metadata.set("endpoint-load-metrics-format", "TEXT");
      const { trailers } = await client.unary("hello", {}, metadata);
      assert.deepEqual(trailers.get(TEXT), ["TEXT cpu_utilization=0.5"]);
      assert.equal(lastReport().cpu, 0.5);
      const without = await client.unary("hello");
      assert.deepEqual(without.trailers.get(TEXT), []);
    });

    it("pass untouched and unread where nobody asks for them", async () => {
      proxy.apply([backend.port]);
      const report = orcaReport({ cpuUtilization: 0.5 });
      backend.trailers = { [BINARY]: report };
      const { trailers } = await client.unary("hello");
      assert.deepEqual(trailers.get(BINARY), [report]);
      assert.equal(lastReport().atMs, 0);
      assert.equal(count(Cell.used), 0);
    });

    it("are read without being switched on where the policy goes by them", async () => {
      proxy.apply([backend.port], {
        settings: clusterSettings({ loadBalancing: { metric: "utilization" } }),
      });
      backend.trailers = { [BINARY]: orcaReport({ applicationUtilization: 0.5 }) };
      const { trailers } = await client.unary("hello");
      assert.deepEqual(trailers.get(BINARY), []);
      assert.equal(lastReport().utilization, 0.5);
    });

    it("that are malformed, too long, or believable only in part are counted, and harm nobody", async () => {
      proxy.apply([backend.port], { settings: reports({ perRequest: true }) });
      for (const [octets, cell] of [
        [Buffer.from([0xff, 0xff]), Cell.malformed],
        [Buffer.alloc(6000), Cell.malformed],
        [orcaReport({ cpuUtilization: Number.NaN, eps: 3 }), Cell.partial],
      ] as const) {
        const before = count(cell);
        backend.trailers = { [BINARY]: octets };
        const { code, trailers } = await client.unary("hello");
        assert.equal(code, status.OK);
        assert.deepEqual(trailers.getMap(), {});
        assert.equal(count(cell), before + 1);
      }
      const { cpu, eps } = lastReport();
      assert.deepEqual([cpu, eps], [-1, 3]);
    });

    it("of which there are two count as malformed, and both are taken out", async () => {
      const raw = await RawBackend.start({
        onRequest: ({ connection, id }) => {
          const report = literal(BINARY, orcaReport({ eps: 1 }).toString("base64"));
          connection.send(
            frame(Type.headers, Flag.endHeaders, id, RESPONSE_HEADERS),
            frame(Type.data, 0, id, Buffer.alloc(5)),
            frame(
              Type.headers,
              Flag.endHeaders | Flag.endStream,
              id,
              Buffer.concat([report, OK_TRAILERS, literal(TEXT, "eps=2")]),
            ),
          );
        },
      });
      proxy.apply([raw.port], { settings: reports({ perRequest: true }) });
      const { code, trailers } = await client.unary("hello");
      assert.equal(code, status.OK);
      assert.deepEqual(trailers.getMap(), {});
      assert.equal(count(Cell.malformed), 1);
      proxy.apply([backend.port]);
      await raw.stop();
    });

    it("of an answer without a body are found in its headers", async () => {
      const raw = await RawBackend.start({
        onRequest: ({ connection, id }) => {
          const report = literal(BINARY, orcaReport({ cpuUtilization: 0.5 }).toString("base64"));
          const block = Buffer.concat([RESPONSE_HEADERS, report, literal("grpc-status", "5")]);
          connection.send(frame(Type.headers, Flag.endHeaders | Flag.endStream, id, block));
        },
      });
      proxy.apply([raw.port], { settings: reports({ perRequest: true }) });
      const { code, trailers } = await client.unary("hello");
      assert.equal(code, status.NOT_FOUND);
      assert.deepEqual(trailers.get(BINARY), []);
      assert.equal(count(Cell.used), 1);
      proxy.apply([backend.port]);
      await raw.stop();
    });
  });

  it("of an attempt that is repeated elsewhere are kept all the same", async () => {
    const raw = await RawBackend.start({
      onRequest: ({ connection, id }) => {
        const report = literal(BINARY, orcaReport({ cpuUtilization: 0.5 }).toString("base64"));
        const block = Buffer.concat([RESPONSE_HEADERS, report, literal("grpc-status", "14")]);
        connection.send(frame(Type.headers, Flag.endHeaders | Flag.endStream, id, block));
      },
    });
    const { loadBalancing } = reports({ perRequest: true });
    const retries = {
      attempts: 3,
      perTryTimeoutMs: 0,
      retryOn: ["unavailable"],
      backoffBaseMs: 1,
      backoffMaxMs: 1,
    } as const;
    proxy.apply([raw.port, backend.port], {
      settings: clusterSettings({ loadBalancing: { ...loadBalancing, policy: "round_robin" }, retries }),
    });
    for (let i = 0; i < 2; i++) assert.equal((await client.unary("hello")).code, status.OK);
    assert.ok(count(Cell.used) > 0);
    const report = emptyLoadReport();
    assert.ok(proxy.endpoints.measures.readReport(proxy.slotOf(raw.port), report) > 0);
    assert.equal(report.cpu, 0.5);
    proxy.apply([backend.port]);
    await raw.stop();
  });

  describe("out of band", () => {
    const openStreams = (): number => proxy.row()[ClusterColumn.loadReportStreams]!;

    async function asking(outOfBandMs: number): Promise<void> {
      proxy.apply([backend.port], { settings: reports({ outOfBandMs }) });
      await client.unary("hello");
    }

    it("are asked for on the connection that clients' streams use, at the interval that is configured", async () => {
      backend.report = orcaReport({ cpuUtilization: 0.5 });
      await asking(1500);
      await until("a report has come", () => lastReport().atMs > 0);
      assert.equal(lastReport().cpu, 0.5);
      // OrcaLoadReportRequest { report_interval { seconds: 1, nanos: 500000000 } }
      assert.equal(backend.asked[0]!.toString("hex"), "0a0808011080cab5ee01");
      assert.equal(proxy.row()[ClusterColumn.upstreamConnections], 1);
      assert.equal(openStreams(), 1);
      assert.equal(proxy.inFlight, 0);
      backend.say(orcaReport({ cpuUtilization: 0.25 }));
      await until("the next one has come", () => lastReport().cpu === 0.25);
      assert.equal(count(Cell.outOfBandUsed), 2);
      assert.equal(backend.asked.length, 1);
    });

    it("are not asked for where no connection stands", async () => {
      proxy.apply([backend.port], { settings: reports({ outOfBandMs: 1000 }) });
      proxy.dataPlane.sample();
      proxy.dataPlane.sample();
      assert.equal(proxy.row()[ClusterColumn.upstreamConnections], 0);
      assert.equal(openStreams(), 0);
    });

    it("leave reports in trailers to the client", async () => {
      backend.trailers = { [BINARY]: orcaReport({ eps: 1 }) };
      proxy.apply([backend.port], { settings: reports({ outOfBandMs: 1000 }) });
      const { trailers } = await client.unary("hello");
      assert.equal(trailers.get(BINARY).length, 1);
    });

    it("are asked for no more when they are switched off", async () => {
      await asking(1000);
      await until("the stream is open", () => backend.streams.size === 1);
      proxy.apply([backend.port]);
      await until("the stream has been cancelled", () => backend.streams.size === 0);
      await until("the proxy has forgotten it", () => openStreams() === 0);
      assert.equal((await client.unary("hello")).code, status.OK);
    });

    it("are asked for again, with the new interval, when that changes", async () => {
      await asking(1000);
      await until("the stream is open", () => backend.streams.size === 1);
      await asking(2000);
      await until("it was asked for anew", () => backend.asked.length === 2 && backend.streams.size === 1);
      assert.equal(backend.asked[1]!.toString("hex"), "0a020802");
    });

    it("do not keep the connection to an endpoint open that is gone", async () => {
      await asking(1000);
      await until("the stream is open", () => backend.streams.size === 1);
      const slot = proxy.slotOf(backend.port);
      proxy.apply([], {});
      await until("the slot has been given back", () => proxy.released.includes(slot));
      await until("the connection is gone", () => proxy.row()[ClusterColumn.upstreamConnections] === 0);
    });

    it("are asked for again with a growing back-off after a stream has ended", async () => {
      await asking(1000);
      for (let round = 1; round <= 2; round++) {
        await until("the stream is open", () => backend.streams.size === 1);
        assert.equal(backend.asked.length, round);
        backend.end();
        await until("the proxy has noticed", () => openStreams() === 0);
      }
      await until("it was asked for a third time", () => backend.asked.length === 3);
    });

    it("are not asked for again from an endpoint that has no such service", async () => {
      const other = await ReportingBackend.start(false);
      proxy.apply([other.port], { settings: reports({ outOfBandMs: 1000 }) });
      await client.unary("hello");
      let opened = 0;
      for (const until_ = performance.now() + 2500; performance.now() < until_; ) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        opened = Math.max(opened, openStreams());
      }
      assert.equal(openStreams(), 0);
      assert.equal((await client.unary("hello")).code, status.OK);
      proxy.apply([backend.port]);
      other.stop();
    });

    it("that are malformed are counted, and the stream goes on", async () => {
      await asking(1000);
      await until("the stream is open", () => backend.streams.size === 1);
      backend.say(Buffer.from([0xff]));
      backend.say(orcaReport({ eps: 4 }));
      await until("the second has come", () => lastReport().eps === 4);
      assert.equal(count(Cell.outOfBandMalformed), 1);
      assert.equal(backend.streams.size, 1);
    });
  });
});
