import assert from "node:assert/strict";
import { test } from "node:test";
import { PeerExchange } from "../../src/sim/peer-exchange.ts";

test("what others count arrives later, with the mean time of their counts", () => {
  const peers = new PeerExchange(3, 2);
  assert.equal(peers.countedMs(0), 0);
  peers.send(0, Int32Array.of(9, 9), 100);
  peers.send(1, Int32Array.of(2, 0), 110);
  peers.send(2, Int32Array.of(1, 5), 130);
  assert.equal(peers.othersAt(0, 0), 0, "on its way");
  peers.arrive(1);
  assert.equal(peers.countedMs(0), 110);
  assert.equal(peers.countedMs(1), 0, "of the others none has arrived");
  peers.arrive(0);
  peers.arrive(2);
  assert.deepEqual([peers.othersAt(0, 0), peers.othersAt(0, 1)], [3, 5]);
  assert.equal(peers.countedMs(0), 120);
  peers.send(1, Int32Array.of(0, 1), 210);
  assert.deepEqual([peers.othersAt(0, 0), peers.countedMs(0)], [3, 120], "until it arrives");
  peers.arrive(1);
  assert.deepEqual([peers.othersAt(0, 0), peers.othersAt(0, 1), peers.countedMs(0)], [1, 6, 170]);
});
