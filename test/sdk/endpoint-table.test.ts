import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Cluster } from "../../src/resource/cluster.ts";
import { CLUSTER_DEFAULTS } from "../../src/resource/cluster.ts";
import { ENDPOINT_DEFAULTS, endpointKey } from "../../src/resource/endpoint.ts";
import { SetAside } from "../../src/resource/set-aside.ts";
import type { CallHold } from "../../src/sdk/call-hold.ts";
import { EndpointTable } from "../../src/sdk/endpoint-table.ts";

const NAME = "a.default:1";

/** @param uids of Pods that all have one address. */
function cluster(...uids: string[]): Cluster {
  const endpoints = uids.map((uid) => ({
    ...ENDPOINT_DEFAULTS,
    key: endpointKey(NAME, uid, 1),
    address: "10.0.0.1",
    port: 1,
  }));
  return { ...CLUSTER_DEFAULTS, name: NAME, endpoints };
}

const hold = (slot: number, untilMs: number): CallHold => ({ slot, untilMs, isHeld: true });

describe("the endpoints of a process", () => {
  it("are told apart by their identity: who has an address next is another one", () => {
    const table = new EndpointTable();
    const first = table.list(cluster("uid-1"), undefined, 1);
    const before = table.at(first.slotAt(0));
    table.markAside(first.slotAt(0), SetAside.connect, true);
    const second = table.list(cluster("uid-2"), first, 2);
    const after = table.at(second.slotAt(0));
    assert.notEqual(before, after);
    assert.notEqual(first.slotAt(0), second.slotAt(0));
    assert.equal(table.at(first.slotAt(0)), undefined);
    assert.equal(table.verdict(second.slotAt(0)), 0);
    assert.equal(before?.address, after?.address);
  });

  it("get the slot of another one only when no call of that is left", () => {
    const table = new EndpointTable();
    const first = table.list(cluster("uid-1"), undefined, 1);
    const slot = first.slotAt(0);
    const call = hold(slot, Number.POSITIVE_INFINITY);
    table.hold(call);
    const second = table.list(cluster("uid-2"), first, 2);
    table.sweep(3);
    const third = table.list(cluster("uid-2", "uid-3"), second, 4);
    assert.ok(![third.slotAt(0), third.slotAt(1)].includes(slot));
    table.letGo(call);
    table.sweep(5);
    const fourth = table.list(cluster("uid-2", "uid-3", "uid-4"), third, 6);
    assert.equal(fourth.slotAt(2), slot);
    assert.equal(table.counters.inFlightOf(slot), 0);
    assert.ok(table.counters.measures.ramps[slot]! > 0, "who joins others is new to traffic");
  });

  it("count a call that was picked for them until it ends, or was never begun", () => {
    const table = new EndpointTable();
    const slot = table.list(cluster("uid-1"), undefined, 1).slotAt(0);
    const [begun, lost] = [hold(slot, Number.POSITIVE_INFINITY), hold(slot, 10)];
    table.hold(begun);
    table.hold(lost);
    table.sweep(9);
    assert.equal(table.counters.inFlightOf(slot), 2);
    table.sweep(10);
    assert.deepEqual([table.counters.inFlightOf(slot), lost.isHeld, begun.isHeld], [1, false, true]);
    table.letGo(begun);
    table.letGo(begun);
    table.letGo(lost);
    assert.equal(table.counters.inFlightOf(slot), 0);
  });
});
