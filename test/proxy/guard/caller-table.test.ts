import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FloodKind } from "../../../src/h2/flood-kind.ts";
import { FLOOD_LIMITS } from "../../../src/h2/flood-limits.ts";
import type { Caller } from "../../../src/proxy/guard/caller.ts";
import { CallerTable, callerAddress } from "../../../src/proxy/guard/caller-table.ts";
import type { GuardOptions } from "../../../src/proxy/guard/guard-options.ts";
import { GUARD_DEFAULTS } from "../../../src/proxy/guard/guard-options.ts";
import { RefusalReason } from "../../../src/telemetry/guard-cell.ts";

const table = (changes: Partial<GuardOptions> = {}) =>
  new CallerTable({ ...GUARD_DEFAULTS, ...changes }, FLOOD_LIMITS);

/** Enters; fails when it is refused. */
function enter(callers: CallerTable, address: string, nowMs = 0): Caller {
  const caller = callers.enter(address, nowMs);
  assert.ok(typeof caller === "object", `refused: ${caller}`);
  return caller;
}

describe("callers", () => {
  it("are their source addresses, IPv4 in IPv6 form being the same as IPv4", () => {
    assert.equal(callerAddress("::ffff:10.1.2.3"), "10.1.2.3");
    assert.equal(callerAddress("10.1.2.3"), "10.1.2.3");
    assert.equal(callerAddress("::ffff:1"), "::ffff:1");
    assert.equal(callerAddress("fd00::7"), "fd00::7");
    assert.equal(callerAddress(undefined), "");
    const callers = table();
    assert.equal(enter(callers, "10.1.2.3"), enter(callers, "10.1.2.3"));
    assert.notEqual(enter(callers, "10.1.2.3"), enter(callers, "10.1.2.4"));
    assert.equal(callers.size, 2);
    assert.equal(callers.connections, 4);
  });

  it("get no more connections than one caller may have, while others do", () => {
    const callers = table({ maxConnectionsPerCaller: 3 });
    const first = enter(callers, "a");
    enter(callers, "a");
    enter(callers, "a");
    assert.equal(callers.enter("a", 0), RefusalReason.callerConnections);
    enter(callers, "b");
    callers.leave(first, 0);
    enter(callers, "a");
  });

  it("may open as many connections at once as four seconds' worth, then no more than the rate", () => {
    const callers = table({ newConnectionsPerSecondPerCaller: 10 });
    for (let i = 0; i < 40; i++) callers.leave(enter(callers, "a"), 0);
    assert.equal(callers.enter("a", 0), RefusalReason.callerRate);
    enter(callers, "b");
    callers.leave(enter(callers, "a", 100), 100);
    assert.equal(callers.enter("a", 100), RefusalReason.callerRate);
  });

  it("cannot use up all connections alone: the last fifth is for those with few", () => {
    const callers = table({ maxConnections: 100, maxConnectionsPerCaller: 1000 });
    let taken = 0;
    while (typeof callers.enter("greedy", 0) === "object") taken++;
    assert.equal(taken, 80);
    assert.equal(callers.enter("greedy", 0), RefusalReason.maxConnections);
    for (let i = 0; i < 20; i++) enter(callers, `modest-${i % 5}`);
    assert.equal(callers.enter("late", 0), RefusalReason.maxConnections);
    assert.equal(callers.connections, 100);
    assert.equal(callers.size, 6, "who was refused has no account");
  });

  it("that have flooded are not taken until their budget has come back, though they left meanwhile", () => {
    const callers = table();
    const caller = enter(callers, "a");
    while (caller.floods.take(FloodKind.provokedReset, 1, 0));
    assert.equal(callers.enter("a", 0), RefusalReason.callerFlood);
    callers.leave(caller, 0);
    callers.forget(900);
    assert.equal(callers.enter("a", 900), RefusalReason.callerFlood, "a new connection is no new account");
    callers.forget(5000);
    assert.equal(enter(callers, "a", 5000), caller);
    callers.leave(caller, 5000);
    while (caller.floods.take(FloodKind.provokedReset, 1, 12_000));
    callers.forget(15_000);
    assert.equal(callers.size, 1, "it owes still");
    callers.forget(25_000);
    assert.equal(callers.size, 0, "and is forgotten when it does not");
  });

  it("are forgotten beyond 4,096 that have left, the longest gone first", () => {
    const callers = table({ maxConnections: 100_000 });
    const stays = enter(callers, "stays");
    for (let i = 0; i < 10_000; i++) callers.leave(enter(callers, `a${i}`), 0);
    assert.equal(callers.size, 4097);
    assert.equal(enter(callers, "stays"), stays);
    callers.leave(stays, 0);
    callers.leave(stays, 0);
    assert.equal(callers.connections, 0);
    for (let i = 0; i < 100; i++) callers.forget(10_000);
    assert.equal(callers.size, 0);
  });
});
