import assert from "node:assert/strict";
import { test } from "node:test";
import { Readiness } from "../../src/daemon/readiness.ts";

test("ready is a first snapshot and every listener, until the drain", () => {
  const readiness = new Readiness(["a", "b"]);
  assert.equal(readiness.reason(), "waiting for the first snapshot");
  readiness.snapshotInForce();
  readiness.listenerOpen("a");
  assert.equal(readiness.reason(), "listeners not open yet: b");
  readiness.listenerOpen("b");
  assert.equal(readiness.reason(), undefined);
  readiness.draining();
  assert.equal(readiness.reason(), "draining");
});
