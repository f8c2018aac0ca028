import assert from "node:assert/strict";
import { test } from "node:test";
import { ACCEPTOR } from "../../src/daemon/data-plane-threads.ts";
import { Readiness } from "../../src/daemon/readiness.ts";

test("ready is a first snapshot, every listener and a thread that serves, until the drain", () => {
  const readiness = new Readiness(["a", "b"]);
  assert.equal(readiness.reason(), "waiting for the first snapshot");
  readiness.snapshotInForce();
  readiness.listenerOpen("a", 0);
  assert.equal(readiness.reason(), "listeners not open yet: b");
  readiness.listenerOpen("b", 0);
  assert.equal(readiness.reason(), "no data-plane thread serves");
  readiness.serving(0);
  assert.equal(readiness.reason(), undefined);
  readiness.draining();
  assert.equal(readiness.reason(), "draining");
});

test("the death of one of several workers leaves it ready, that of the only one does not", () => {
  const several = new Readiness(["a"]);
  several.snapshotInForce();
  several.listenerOpen("a", ACCEPTOR);
  several.serving(0);
  several.serving(1);
  several.threadGone(1);
  assert.equal(several.reason(), undefined);
  several.threadGone(ACCEPTOR);
  assert.equal(several.reason(), "listeners not open yet: a");

  const alone = new Readiness(["a"]);
  alone.snapshotInForce();
  alone.listenerOpen("a", 0);
  alone.serving(0);
  alone.threadGone(0);
  assert.equal(alone.reason(), "listeners not open yet: a");
});
