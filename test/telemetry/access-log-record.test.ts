import assert from "node:assert/strict";
import { test } from "node:test";
import type { AccessLogRecord } from "../../src/telemetry/access-log-record.ts";
import { formatAccessLogRecord } from "../../src/telemetry/access-log-record.ts";
import { ResponseFlag } from "../../src/telemetry/response-flag.ts";

const record: AccessLogRecord = {
  startMs: Date.UTC(2026, 0, 31, 12, 0, 0, 5),
  path: "/echo.Echo/Say",
  authority: "echo.default.svc.cluster.local:50051",
  cluster: "echo.default.svc.cluster.local:50051",
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
  const line = formatAccessLogRecord({ ...record, path: '/a"b\n' });
  assert.equal(line.indexOf("\n"), line.length - 1);
  assert.deepEqual(JSON.parse(line), {
    time: "2026-01-31T12:00:00.005Z",
    path: '/a"b\n',
    authority: "echo.default.svc.cluster.local:50051",
    cluster: "echo.default.svc.cluster.local:50051",
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

test("no secret gets in, neither as a header nor as a field nobody meant", () => {
  const headers = {
    authorization: "Bearer hunter2",
    "proxy-authorization": "hunter2",
    cookie: "session=hunter2",
    "set-cookie": "session=hunter2",
    "token-bin": "hunter2",
    "x-request-id": "42",
  };
  const line = formatAccessLogRecord({ ...record, headers, token: "hunter2" } as AccessLogRecord);
  assert.ok(!line.includes("hunter2"));
  const written = JSON.parse(line).headers;
  assert.deepEqual(Object.keys(written), Object.keys(headers));
  assert.equal(written["x-request-id"], "42");
  assert.equal(written.authorization, "redacted");
});
