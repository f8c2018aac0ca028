import assert from "node:assert/strict";
import { test } from "node:test";
import { EndpointMeasures } from "../../../src/lb/load/endpoint-measures.ts";

const SLOT = 3;

function measuresOf(workers: number): EndpointMeasures {
  return new EndpointMeasures(workers, 8);
}

test("an endpoint is silent from the first request on that it has not answered", () => {
  const measures = measuresOf(1);
  assert.equal(measures.silentMs(SLOT, 500), 0);
  measures.began(0, SLOT, 1_000);
  measures.began(0, SLOT, 1_200);
  assert.equal(measures.silentMs(SLOT, 1_300), 300);
});

test("whatever it answers ends its silence, although others wait for longer", () => {
  const measures = measuresOf(1);
  measures.began(0, SLOT, 1_000);
  measures.began(0, SLOT, 1_200);
  measures.waitedFor(0, SLOT, 1_200);
  measures.observeLatency(0, SLOT, 50, 1_250);
  // A stream on which nothing has happened yet is no sign of anything.
  assert.equal(measures.silentMs(SLOT, 60_000), 0);
  measures.began(0, SLOT, 70_000);
  assert.equal(measures.silentMs(SLOT, 70_040), 40);
});

test("an answer to one worker speaks for the endpoint with all of them", () => {
  const measures = measuresOf(2);
  measures.began(0, SLOT, 1_000);
  measures.began(1, SLOT, 1_100);
  assert.equal(measures.silentMs(SLOT, 1_500), 500);
  measures.waitedFor(1, SLOT, 1_100);
  measures.observeLatency(1, SLOT, 450, 1_550);
  assert.equal(measures.silentMs(SLOT, 1_600), 0);
});

test("requests that clients took back leave no silence behind", () => {
  const measures = measuresOf(1);
  measures.began(0, SLOT, 1_000);
  measures.waitedFor(0, SLOT, 1_000);
  assert.equal(measures.silentMs(SLOT, 5_000), 0);
  measures.began(0, SLOT, 6_000);
  assert.equal(measures.silentMs(SLOT, 6_010), 10);
});
