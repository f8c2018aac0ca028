import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { MAX_RATE, MAX_UTILIZATION } from "../../src/grpc/load-report.ts";
import { LONGEST_REPORT_OCTETS, LoadReportReader, ReportResult } from "../../src/grpc/load-report-reader.ts";
import type { OrcaFields } from "./orca-schema.ts";
import { orcaReport } from "./orca-schema.ts";

const METRICS = ["utilization.gpu", "named_metrics.queue"];
const ABSENT = -1;

function read(octets: Uint8Array, reader = new LoadReportReader(METRICS)): ReportResult {
  // Somewhere in the middle of other octets, as in the slab.
  const slab = Buffer.alloc(octets.length + 64, 0xff);
  slab.set(octets, 32);
  return reader.readMessage(slab, 32, octets.length);
}

function readText(text: string, reader = new LoadReportReader(METRICS)): ReportResult {
  const slab = Buffer.alloc(text.length + 64, 0xff);
  slab.write(text, 32, "latin1");
  return reader.readText(slab, 32, text.length);
}

const share = fc.double({ min: 0, max: 1, noNaN: true });
const names = fc.oneof(fc.constantFrom("gpu", "queue", "network", ""), fc.string({ maxLength: 20 }));
const reports: fc.Arbitrary<OrcaFields> = fc.record(
  {
    cpuUtilization: fc.double({ min: 0, max: MAX_UTILIZATION, noNaN: true }),
    memUtilization: share,
    rps: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    requestCost: fc.dictionary(names, fc.double()),
    utilization: fc.dictionary(names, share),
    rpsFractional: fc.double({ min: 0, max: MAX_RATE, noNaN: true }),
    eps: fc.double({ min: 0, max: MAX_RATE, noNaN: true }),
    namedMetrics: fc.dictionary(names, fc.double({ min: 0, max: MAX_UTILIZATION, noNaN: true })),
    applicationUtilization: fc.double({ min: 0, max: MAX_UTILIZATION, noNaN: true }),
  },
  { requiredKeys: [] },
);

/** Proto3 does not send a 0, nor tell -0 from it. */
const sent = (value: number | undefined): number =>
  Object.is(value, 0) || value === undefined ? ABSENT : value;
const entry = (map: Readonly<Record<string, number>> | undefined, key: string): number =>
  map !== undefined && Object.hasOwn(map, key) ? map[key]! : ABSENT;

describe("a reader of load reports", () => {
  it("reads what the protobuf runtime has written", () => {
    const reader = new LoadReportReader(METRICS);
    fc.assert(
      fc.property(reports, (fields) => {
        assert.equal(read(orcaReport(fields), reader), ReportResult.used);
        const cpu = sent(fields.cpuUtilization);
        const named = Math.max(entry(fields.utilization, "gpu"), entry(fields.namedMetrics, "queue"));
        const application = sent(fields.applicationUtilization);
        assert.deepEqual(
          { ...reader.report },
          {
            utilization: application > 0 ? application : named >= 0 ? named : cpu,
            qps: sent(fields.rpsFractional),
            eps: sent(fields.eps),
            cpu,
            memory: sent(fields.memUtilization),
            network: entry(fields.namedMetrics, "network"),
          },
        );
      }),
    );
  });

  it("reads the same from base64, padded or not, of either alphabet", () => {
    fc.assert(
      fc.property(reports, fc.constantFrom("base64", "base64url", "bare"), (fields, form) => {
        const message = orcaReport(fields);
        fc.pre(message.length <= 3000);
        const plain = new LoadReportReader();
        read(message, plain);
        const text =
          form === "base64url"
            ? message.toString("base64url")
            : message.toString("base64").replace(form === "bare" ? /=+$/ : /$^/, "");
        const slab = Buffer.alloc(8192);
        slab.write(text, 7, "latin1");
        const reader = new LoadReportReader();
        assert.equal(reader.readBinary(slab, 7, text.length), ReportResult.used);
        assert.deepEqual(reader.report, plain.report);
      }),
    );
  });

  it("never throws, and uses nothing of a message that is cut off", () => {
    const reader = new LoadReportReader(METRICS);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (octets) => {
        const before = { ...reader.report };
        if (read(octets, reader) === ReportResult.malformed) assert.deepEqual({ ...reader.report }, before);
      }),
      { numRuns: 2000 },
    );
    const message = orcaReport({ cpuUtilization: 0.5, namedMetrics: { queue: 3 }, rpsFractional: 7 });
    const wholes = new Set([0, 9, message.length - 9, message.length]);
    for (let length = 0; length <= message.length; length++) {
      const result = read(message.subarray(0, length));
      if (!wholes.has(length)) assert.ok(result === ReportResult.malformed || length > 0);
    }
    assert.equal(read(message.subarray(0, 5)), ReportResult.malformed);
    assert.equal(read(message.subarray(0, message.length - 1)), ReportResult.malformed);
  });

  it("refuses a message that is too long, and one with a varint that has no end", () => {
    assert.equal(read(Buffer.alloc(LONGEST_REPORT_OCTETS + 1)), ReportResult.malformed);
    assert.equal(read(Buffer.alloc(12, 0xff)), ReportResult.malformed);
    assert.equal(
      read(Buffer.from([0x2a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01])),
      ReportResult.malformed,
    );
    assert.equal(readText("x".repeat(LONGEST_REPORT_OCTETS + 1)), ReportResult.malformed);
  });

  it("skips fields it does not know, whatever their type", () => {
    const unknown = [0x50, 0x01, 0x5d, 1, 2, 3, 4, 0x61, 1, 2, 3, 4, 5, 6, 7, 8, 0x6a, 2, 0xff, 0xff];
    const reader = new LoadReportReader();
    assert.equal(
      read(Buffer.from([...unknown, ...orcaReport({ eps: 4 }), ...unknown]), reader),
      ReportResult.used,
    );
    assert.equal(reader.report.eps, 4);
  });

  it("believes neither NaN, nor what is negative, infinite or absurd, and says so", () => {
    const cases: readonly OrcaFields[] = [
      { cpuUtilization: Number.NaN },
      { cpuUtilization: -0.1 },
      { cpuUtilization: -1 },
      { cpuUtilization: MAX_UTILIZATION * 1.01 },
      { applicationUtilization: Number.POSITIVE_INFINITY },
      { rpsFractional: 1e12 },
      { eps: -5 },
      { memUtilization: 1.5 },
      { namedMetrics: { queue: -2 } },
    ];
    for (const fields of cases) {
      const reader = new LoadReportReader(METRICS);
      const result = read(orcaReport({ ...fields, utilization: { gpu: 0.25 } }), reader);
      assert.equal(result, ReportResult.partial, JSON.stringify(fields));
      const { utilization, ...others } = reader.report;
      assert.equal(utilization, 0.25);
      assert.deepEqual(Object.values(others), [ABSENT, ABSENT, ABSENT, ABSENT, ABSENT]);
    }
  });

  it("reads the textual forms", () => {
    const texts = [
      "TEXT cpu_utilization=0.3, mem_utilization=0.5,rps_fractional=100,eps=2,named_metrics.queue=0.75,named_metrics.x=9",
      "cpu_utilization: 0.3,mem_utilization:0.5,rps_fractional:1e2,eps:2.0,named_metrics.queue:0.75",
      'JSON {"cpuUtilization":0.3,"mem_utilization":0.5,"rpsFractional":100,"eps":2,"namedMetrics":{"queue":0.75,"x":1}}',
      `BIN ${orcaReport({ cpuUtilization: 0.3, memUtilization: 0.5, rpsFractional: 100, eps: 2, namedMetrics: { queue: 0.75 } }).toString("base64")}`,
    ];
    for (const text of texts) {
      const reader = new LoadReportReader(METRICS);
      assert.equal(readText(text, reader), ReportResult.used, text);
      const { utilization, qps, eps, cpu, memory } = reader.report;
      assert.deepEqual([utilization, qps, eps, cpu, memory], [0.75, 100, 2, 0.3, 0.5], text);
    }
  });

  it("refuses text that is no report", () => {
    for (const text of [
      "",
      "TEXT ",
      "TEXT eps",
      "TEXT eps=1,eps=2",
      "TEXT =1",
      "JSON {",
      "JSON []",
      "JSON null",
      "BIN ä",
      "BIN AAAAA",
    ]) {
      assert.equal(readText(text), ReportResult.malformed, text);
    }
    for (const text of ["TEXT eps=many", 'JSON {"eps":"NaN"}', 'JSON {"eps":null}', 'JSON {"eps":true}']) {
      assert.equal(readText(text), ReportResult.partial, text);
    }
  });

  it("refuses to be made for metrics without a field", () => {
    assert.throws(() => new LoadReportReader(["queue"]), /"queue".*named_metrics\.NAME/);
    assert.throws(() => new LoadReportReader(["named_metrics."]));
  });
});
