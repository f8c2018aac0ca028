import assert from "node:assert/strict";
import { test } from "node:test";
import { OwnPlace } from "../../src/daemon/own-place.ts";

test("a proxy without a zone takes what the control plane knows of its node, and follows it", () => {
  const place = new OwnPlace({ id: "n1", zone: "", region: "" });
  assert.equal(place.message, undefined);
  assert.equal(place.learn({ zone: "", region: "r1" }), false, "a control plane that does not know either");
  assert.equal(place.learn({ zone: "z1", region: "r1" }), true);
  assert.equal(place.learn({ zone: "z1", region: "r1" }), false);
  assert.deepEqual(
    { node: place.node, zone: place.zone, region: place.region },
    { node: "n1", zone: "z1", region: "r1" },
  );
  assert.deepEqual(place.message, { kind: "place", zone: "z1", region: "r1" });
  assert.equal(place.learn({ zone: "z2", region: "r1" }), true);
  assert.equal(place.zone, "z2");
});

test("a configured zone counts more than what a control plane says", () => {
  const place = new OwnPlace({ id: "n1", zone: "here", region: "" });
  assert.equal(place.learn({ zone: "there", region: "r" }), false);
  assert.equal(place.zone, "here");
  assert.equal(place.message, undefined);
});
