import assert from "node:assert/strict";
import { test } from "node:test";
import { createLog } from "../../src/telemetry/log.ts";

function recorded() {
  const lines: Record<string, unknown>[] = [];
  const log = createLog({ stream: { write: (line) => lines.push(JSON.parse(line)) } });
  return { log, lines };
}

test("a line is JSON with level, time, the constant message and the fields", () => {
  const { log, lines } = recorded();
  log.info("listening", { address: "127.0.0.1:15001", port: 15_001 });
  const { time, ...rest } = lines[0]!;
  assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.deepEqual(rest, { level: "info", message: "listening", address: "127.0.0.1:15001", port: 15_001 });
});

test("the level can be changed while it runs", () => {
  const { log, lines } = recorded();
  log.debug("unseen");
  log.level = "debug";
  log.debug("seen");
  log.level = "error";
  log.warn("unseen");
  log.level = "silent";
  log.error("unseen");
  assert.equal(log.level, "silent");
  assert.deepEqual(
    lines.map(({ message }) => message),
    ["seen"],
  );
});

test("an error is written with its stack and its causes", () => {
  const { log, lines } = recorded();
  log.error("reload failed", { error: new Error("outer", { cause: new Error("inner") }) });
  const { error } = lines[0]! as { error?: { message: string; stack: string; cause: { message: string } } };
  assert.ok(error);
  assert.match(error.message, /^outer/);
  assert.match(error.stack, /log\.test\.ts/);
  assert.equal(error.cause.message, "inner");
});
