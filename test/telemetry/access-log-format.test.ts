import assert from "node:assert/strict";
import { test } from "node:test";
import type { AccessLogRecord } from "../../src/telemetry/access-log-format.ts";
import { AccessLogFormat } from "../../src/telemetry/access-log-format.ts";
import { ResponseFlag } from "../../src/telemetry/response-flag.ts";

const record: AccessLogRecord = {
  source: undefined,
  startMs: Date.UTC(2026, 0, 31, 12, 0, 0, 5),
  path: "/echo.Echo/Say",
  authority: "echo.default.svc.cluster.local:50051",
  cluster: "echo.default.svc.cluster.local:50051",
  route: "canary",
  endpoint: "10.0.0.1:50051",
  zone: "zone-a",
  grpcStatus: 14,
  responseFlag: ResponseFlag.upstreamReset,
  durationMs: 12.345678,
  attempts: 2,
  requestOctets: 105,
  responseOctets: 0,
};

test("a record is one line of JSON", () => {
  const line = new AccessLogFormat().line({ ...record, path: '/a"b\n' });
  assert.equal(line.indexOf("\n"), line.length - 1);
  assert.deepEqual(JSON.parse(line), {
    time: "2026-01-31T12:00:00.005Z",
    path: '/a"b\n',
    authority: "echo.default.svc.cluster.local:50051",
    cluster: "echo.default.svc.cluster.local:50051",
    route: "canary",
    endpoint: "10.0.0.1:50051",
    zone: "zone-a",
    grpc_status: "UNAVAILABLE",
    response_flag: "UR",
    duration_ms: 12.346,
    attempts: 2,
    request_octets: 105,
    response_octets: 0,
  });
});

test("no field gets in that nobody meant", () => {
  const line = new AccessLogFormat().line({ ...record, token: "hunter2" } as AccessLogRecord);
  assert.ok(!line.includes("hunter2"));
});

test("times keep their milliseconds, whichever second came before", () => {
  const format = new AccessLogFormat();
  for (const startMs of [0, 7.9, 99, 1_000, 999, Date.UTC(2026, 11, 31, 23, 59, 59, 999)]) {
    const { time } = JSON.parse(format.line({ ...record, startMs }));
    assert.equal(time, new Date(startMs).toISOString());
  }
});

test("any text comes back as it was", () => {
  const format = new AccessLogFormat();
  for (const path of ["", "/a b", '"', "\\", "\u0000\u001f\u007f", "/é", "\u2028", "/[]~!#"]) {
    assert.equal(JSON.parse(format.line({ ...record, path })).path, path);
  }
});
