import assert from "node:assert/strict";
import { test } from "node:test";
import type { LoadSum } from "../../../src/xds/load/load-book.ts";
import { LoadBook } from "../../../src/xds/load/load-book.ts";
import type { ClusterLoad } from "../../../src/xds/load/load-stats.ts";
import { loadSumsOf, replicaLoadsOf } from "../../../src/xds/load/replica-sums.ts";

const A = "a.default:80";

function load(streams: Readonly<Record<number, number>>, issued = 10, zone = "z", name = A): ClusterLoad {
  const endpoints = Uint32Array.from(Object.entries(streams).flat().map(Number));
  const inFlight = Object.values(streams).reduce((sum, count) => sum + count, 0);
  return {
    name,
    intervalMs: 2_000,
    localities: [{ region: "r", zone, issued, errors: 1, inFlight }],
    endpoints,
    counts: new Uint32Array(),
  };
}

const bookOf = (...known: string[]): LoadBook => new LoadBook((service) => known.includes(service));

test("what callers report is added up by endpoint and by place", () => {
  const book = bookOf(A);
  book.report(1, [load({ 7: 3, 8: 1 })], 1_000);
  book.report(2, [load({ 7: 2 }, 30, "y")], 2_000);
  const { reporters, requestsPerSecond, countedMs, streams, places } = book.of(A)!;
  assert.deepEqual([reporters, requestsPerSecond, countedMs], [2, 20, 1_500]);
  assert.deepEqual(Object.fromEntries(streams), { 7: 5, 8: 1 });
  assert.deepEqual(
    [...places].map(({ zone, inFlight, requestsPerSecond: rate }) => [zone, inFlight, rate]),
    [
      ["z", 4, 5],
      ["y", 2, 15],
    ],
  );
});

test("a caller's newest report takes the place of the one before, in what it does not mention too", () => {
  const book = bookOf(A, "b:80");
  book.report(1, [load({ 7: 3 }), load({ 9: 1 }, 1, "z", "b:80")], 0);
  book.report(1, [load({ 8: 2 }, 1, "y")], 0);
  assert.deepEqual(Object.fromEntries(book.of(A)!.streams), { 8: 2 });
  assert.deepEqual(
    [...book.of(A)!.places].map(({ zone }) => zone),
    ["y"],
  );
  assert.equal(book.of("b:80"), undefined);
});

test("a caller that goes takes everything along", () => {
  const book = bookOf(A);
  book.report(1, [load({ 7: 3 })], 0);
  book.report(2, [load({ 7: 4 })], 0);
  book.forget(1);
  assert.deepEqual(Object.fromEntries(book.of(A)!.streams), { 7: 4 });
  book.forget(2);
  assert.equal(book.of(A), undefined);
  assert.deepEqual([...book.services], []);
  assert.equal(book.reporterCount, 0);
});

test("what another replica has added up counts as its callers do, and is replaced and forgotten as one", () => {
  const book = bookOf(A);
  book.report(1, [load({ 7: 3 })], 10_000);
  const other = bookOf(A);
  other.report(1, [load({ 7: 1 })], 500);
  other.report(2, [load({ 8: 4 }, 20)], 500);
  const told = (): LoadSum[] => loadSumsOf(replicaLoadsOf("r", other, 1_500, 1));
  book.reportSums(-1, told(), 10_000);
  const { reporters, requestsPerSecond, countedMs, streams, places } = book.of(A)!;
  assert.deepEqual([reporters, requestsPerSecond], [3, 20]);
  assert.equal(Math.round(countedMs), Math.round((10_000 + 2 * 9_000) / 3));
  assert.deepEqual(Object.fromEntries(streams), { 7: 4, 8: 4 });
  assert.deepEqual(
    [...places].map((each) => [each.reporters, each.inFlight]),
    [[3, 8]],
  );
  other.forget(2);
  book.reportSums(-1, told(), 11_000);
  assert.deepEqual([book.of(A)!.reporters, Object.fromEntries(book.of(A)!.streams)], [2, { 7: 4 }]);
  book.forget(-1);
  assert.deepEqual([book.of(A)!.reporters, Object.fromEntries(book.of(A)!.streams)], [1, { 7: 3 }]);
});

test("a caller that is silent for long is as good as gone", () => {
  const book = bookOf(A);
  book.report(1, [load({ 7: 3 })], 1_000);
  book.report(2, [load({ 7: 4 })], 5_000);
  book.forgetBefore(2_000);
  assert.deepEqual(Object.fromEntries(book.of(A)!.streams), { 7: 4 });
});

test("services that do not exist are counted and not kept, and idle ones are nothing", () => {
  const book = bookOf(A);
  assert.equal(book.report(1, [load({}, 0), load({ 1: 1 }, 1, "z", "made up")], 0), 1);
  assert.deepEqual([...book.services], []);
});
