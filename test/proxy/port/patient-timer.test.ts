import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { connect, createServer } from "node:net";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { PatientTimer } from "../../../src/proxy/port/patient-timer.ts";

test("it acts once, after its time, and only on what was set last", async () => {
  const timer = new PatientTimer();
  const acts: string[] = [];
  const began = performance.now();
  let tookMs = 0;
  timer.set(5, () => acts.push("first"));
  timer.set(20, () => {
    acts.push("second");
    tookMs = performance.now() - began;
  });
  await sleep(60);
  assert.deepEqual(acts, ["second"]);
  assert.ok(tookMs >= 19, `${tookMs} ms`);
});

test("what was cleared or replaced does not act, even between the end of its time and the act", async () => {
  const timer = new PatientTimer();
  const acts: string[] = [];
  timer.set(1, () => acts.push("cleared"));
  // Set later for the same time: it runs behind it, and before its immediate.
  setTimeout(() => timer.clear(), 1);
  await sleep(20);
  timer.set(1, () => acts.push("replaced"));
  setTimeout(() => timer.set(1, () => acts.push("new")), 1);
  await sleep(20);
  assert.deepEqual(acts, ["new"]);
});

test("a thread that was busy reads what has arrived before it believes in silence", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [socket] = await once(server, "connection");
  const events: string[] = [];
  const timer = new PatientTimer();
  socket.on("data", () => {
    events.push("octets");
    timer.clear();
  });
  timer.set(10, () => events.push("silent"));
  client.write("here in time");
  const busyUntil = performance.now() + 60;
  while (performance.now() < busyUntil);
  await sleep(30);
  assert.deepEqual(events, ["octets"]);
  client.destroy();
  server.close();
});
