import assert from "node:assert/strict";
import { test } from "node:test";
import { LoadBook } from "../../../src/xds/load/load-book.ts";
import type { ClusterLoad } from "../../../src/xds/load/load-stats.ts";

const A = "a.default:80";

function load(streams: Readonly<Record<number, number>>, issued = 10, zone = "z", name = A): ClusterLoad {
  const endpoints = Uint32Array.from(Object.entries(streams).flat().map(Number));
  const inFlight = Object.values(streams).reduce((sum, count) => sum + count, 0);
  return {
    name,
    intervalMs: 2_000,
    localities: [{ region: "r", zone, issued, errors: 1, inFlight }],
    endpoints,
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
