import assert from "node:assert/strict";
import { test } from "node:test";
import { TlsFailureLog } from "../../src/daemon/tls-failure-log.ts";
import type { WorkerToMain } from "../../src/daemon/worker-messages.ts";

const failure = (cluster: string, reason = "tls_name") => ({
  cluster,
  endpoint: "10.0.0.1:443",
  reason,
  detail: "d",
});

test("TLS failures are told at once, then once a minute for each cluster and reason, with how many were not", () => {
  const said: WorkerToMain[] = [];
  let nowMs = 0;
  const log = new TlsFailureLog(
    (message) => said.push(message),
    () => nowMs,
  );
  const untold = () =>
    said.map((message) => {
      const { untold: count } = message.kind === "log" ? (message.fields ?? {}) : {};
      return count;
    });
  for (let i = 0; i < 5; i++) log.note(failure("a.test"));
  log.note(failure("a.test", "tls_expired"));
  log.note(failure("b.test"));
  assert.deepEqual(untold(), [0, 0, 0]);
  nowMs = 59_999;
  log.note(failure("a.test"));
  assert.equal(said.length, 3);
  nowMs = 60_000;
  log.note(failure("a.test"));
  assert.deepEqual(untold(), [0, 0, 0, 5]);
});

test("a thousand clusters that fail share lines beyond the first few hundred", () => {
  let lines = 0;
  const log = new TlsFailureLog(
    () => lines++,
    () => 0,
  );
  for (let i = 0; i < 1000; i++) log.note(failure(`c${i}.test`));
  for (let i = 0; i < 1000; i++) log.note(failure(`c${i}.test`));
  assert.ok(lines <= 257, `${lines} lines`);
});
