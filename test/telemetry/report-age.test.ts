import assert from "node:assert/strict";
import { test } from "node:test";
import { emptyLoadReport } from "../../src/grpc/load-report.ts";
import { EndpointMeasures } from "../../src/lb/load/endpoint-measures.ts";
import { SlotRegistry } from "../../src/resource/slot-registry.ts";
import { oldestReportAgeMs } from "../../src/telemetry/report-age.ts";
import { snapshotOf } from "../lb/pick-fixture.ts";
import { endpoint } from "../resource/cluster-builder.ts";

test("the age of reports is that of the endpoint whose last one is the oldest", () => {
  const registry = new SlotRegistry({ workerCount: 2 });
  const snapshot = snapshotOf([endpoint(1), endpoint(2), endpoint(3)], registry);
  const measures = new EndpointMeasures(2, 16);
  assert.equal(oldestReportAgeMs(snapshot, measures, 5000), -1);
  measures.report(0, snapshot.slotAt(0), emptyLoadReport(), 1000);
  measures.report(1, snapshot.slotAt(0), emptyLoadReport(), 4000);
  measures.report(1, snapshot.slotAt(1), emptyLoadReport(), 3000);
  assert.equal(oldestReportAgeMs(snapshot, measures, 5000), 2000);
  // Another thread's clock may be a moment ahead.
  assert.equal(oldestReportAgeMs(snapshot, measures, 2999), 0);
});
