import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Cluster } from "../../../src/resource/cluster.ts";
import { CLUSTER_DEFAULTS } from "../../../src/resource/cluster.ts";
import { ENDPOINT_DEFAULTS } from "../../../src/resource/endpoint.ts";
import { HoldBack } from "../../../src/xds/client/hold-back.ts";

const HOLD_MS = 10_000;

/** @param hosts last numbers of addresses; `7!` is another pod at the address of 7. */
function cluster(...hosts: readonly string[]): Cluster {
  const endpoints = hosts.map((host) => ({
    ...ENDPOINT_DEFAULTS,
    key: `svc|pod-${host}|80|h2c`,
    address: `10.0.0.${host.replace("!", "")}`,
    port: 80,
  }));
  return { ...CLUSTER_DEFAULTS, name: "svc", endpoints };
}

function hosts({ cluster: { endpoints } }: { readonly cluster: Cluster }): string[] {
  return endpoints.map(({ key }) => key.slice("svc|pod-".length, -"|80|h2c".length));
}

describe("an update of a service", () => {
  it("counts at once while it leaves at least half of the endpoints", () => {
    const hold = new HoldBack(HOLD_MS);
    assert.deepEqual(hosts(hold.update(cluster("1", "2", "3", "4"), false, 0)), ["1", "2", "3", "4"]);
    assert.deepEqual(hosts(hold.update(cluster("5", "6"), false, 0)), ["5", "6"]);
    assert.equal(hold.dueMs, undefined);
  });

  it("that guts or empties it adds at once and takes away later", () => {
    const hold = new HoldBack(HOLD_MS);
    hold.update(cluster("1", "2", "3", "4"), false, 0);
    const gutted = hold.update(cluster("9"), false, 100);
    assert.deepEqual(hosts(gutted), ["9", "1", "2", "3", "4"]);
    assert.equal(gutted.held.length, 4);
    assert.equal(hold.dueMs, 100 + HOLD_MS);
    assert.deepEqual(hosts(hold.update(cluster(), false, 200)), ["9", "1", "2", "3", "4"]);
    assert.equal(hold.dueMs, 100 + HOLD_MS, "news during the hold does not prolong it");
    assert.deepEqual(hosts(hold.release()!), []);
    assert.equal(hold.release(), undefined);
  });

  it("guts together with those just before it, and not with those of long ago", () => {
    const steps = [["1", "2", "3", "4"], ["1", "2", "3"], ["1", "2"], ["1"]];
    const fast = new HoldBack(HOLD_MS);
    const given = steps.map((listed, step) => fast.update(cluster(...listed), false, 5_000 + step * 500));
    assert.deepEqual(
      given.map(({ held }) => held.length),
      [0, 0, 0, 3],
    );
    assert.deepEqual(hosts(given[3]!), ["1", "2", "3", "4"]);
    assert.deepEqual(hosts(fast.release()!), ["1"]);
    assert.deepEqual(hosts(fast.update(cluster("1"), false, 6_600)), ["1"], "what is believed stays so");
    const slow = new HoldBack(HOLD_MS);
    for (const [step, listed] of steps.entries())
      assert.equal(slow.update(cluster(...listed), false, 5_000 + step * 3_000).held.length, 0);
  });

  it("is believed when the hold is over, when it is meant, and when it takes nothing away any more", () => {
    for (const [deliberate, nowMs] of [
      [false, HOLD_MS],
      [true, 1],
    ] as const) {
      const hold = new HoldBack(HOLD_MS);
      hold.update(cluster("1", "2", "3"), false, 0);
      hold.update(cluster(), false, 0);
      assert.deepEqual(hosts(hold.update(cluster(), deliberate, nowMs)), []);
    }
    const hold = new HoldBack(HOLD_MS);
    hold.update(cluster("1", "2", "3"), false, 0);
    hold.update(cluster(), false, 0);
    assert.deepEqual(hosts(hold.update(cluster("1", "2", "3"), false, 1)), ["1", "2", "3"]);
    assert.equal(hold.dueMs, undefined);
  });

  it("never keeps an endpoint whose address is another one's by now", () => {
    const hold = new HoldBack(HOLD_MS);
    hold.update(cluster("7", "8", "9"), false, 0);
    assert.deepEqual(hosts(hold.update(cluster("7!"), false, 0)), ["7!", "8", "9"]);
  });

  it("is believed at once where nothing is to be held back", () => {
    const hold = new HoldBack(0);
    hold.update(cluster("1", "2", "3"), false, 0);
    assert.deepEqual(hosts(hold.update(cluster(), false, 0)), []);
  });
});
