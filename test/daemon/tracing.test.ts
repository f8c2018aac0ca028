import assert from "node:assert/strict";
import { it } from "node:test";
import { Tracing } from "../../src/daemon/tracing.ts";
import type { CallRecord } from "../../src/proxy/tracing/call-record.ts";
import { until } from "../proxy/fixture/until.ts";

const CALL: CallRecord = {
  traceId: "ab".repeat(16),
  spanId: "cd".repeat(8),
  parentSpanId: "",
  startMs: 1,
  endMs: 2,
  path: "/test.Echo/Name",
  authority: "echo.test",
  cluster: "echo.test",
  policy: "least_request",
  route: "",
  grpcStatus: 0,
  responseFlag: "-",
  retries: 0,
  requestOctets: 0,
  responseOctets: 0,
  sourcePod: "",
  sourceNamespace: "",
  attempts: [],
};
/** More than go into one request. */
const CALLS = Array.from({ length: 600 }, () => CALL);
const place = { node: "n", zone: "", region: "" };

it("every traced call is sent or dropped, also those that wait at the end, and no count goes down when the collector is another", async () => {
  const tracing = new Tracing({ warn: () => {} }, place);
  // Nobody listens there.
  tracing.configure({ tracing: { endpoint: "http://127.0.0.1:1", ratio: 1 } });
  tracing.take(0, CALLS, 5);
  // A process does not wait for it longer than two seconds.
  await tracing.flush();
  await until("all are counted", () => tracing.counts.dropped === CALLS.length + 5);
  tracing.configure({ tracing: { endpoint: "http://127.0.0.1:2", ratio: 1 } });
  tracing.take(0, [CALL], 5);
  for (let turn = 0; turn < 20; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
    assert.ok(tracing.counts.dropped >= CALLS.length + 5);
  }
  await tracing.flush();
  await until("the last one is counted", () => tracing.counts.dropped === CALLS.length + 6);
  assert.equal(tracing.counts.sent, 0);
});
