import assert from "node:assert/strict";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { afterEach, test } from "node:test";
import { ProxyProcess } from "./proxy-process.ts";

const ONE = "{ name: 'a:1', endpoints: [{ address: 127.0.0.1:9001 }] }";
const TWO = "{ name: 'a:1', endpoints: [{ address: 127.0.0.1:9001 }, { address: 127.0.0.1:9002 }] }";

let proxy: ProxyProcess;
afterEach(() => proxy.stop());

test("a first snapshot is in force, then a change of the file is", async () => {
  proxy = await ProxyProcess.start(ONE);
  await proxy.ready();
  assert.equal(await proxy.dataPlane(), "a:1 least_request 127.0.0.1:9001\ncomplete=true\n");
  assert.match(await proxy.metrics(), /isobar_config_reloads_total\{result="success"\} 1\n/);
  const clusters = JSON.parse(await proxy.get("/clusters?format=json")).clusters;
  assert.equal(clusters[0].endpoints[0].slot, 0);

  proxy.write(`${TWO}, { name: b, endpoints: [] }`, "log: { level: debug }");
  await proxy.eventually(async () => (await proxy.dataPlane()).includes("9002"));
  const after = JSON.parse(await proxy.get("/clusters?format=json")).clusters;
  assert.deepEqual(
    after.map((cluster: { name: string; endpoints: { slot: number }[] }) => [
      cluster.name,
      ...cluster.endpoints.map((e) => e.slot),
    ]),
    [["a:1", 0, 1], ["b"]],
  );
  assert.match(await proxy.metrics(), /isobar_endpoints\{[^}]*dst_service="a"[^}]*state="healthy"\} 2\n/);
});

test("a wrong file keeps what is running and says so in log, metric and admin server", async () => {
  proxy = await ProxyProcess.start(ONE);
  await proxy.ready();
  proxy.write(TWO, "colour: red");
  await proxy.eventually(async () => proxy.stderr.includes("reload refused"));
  assert.match(proxy.stderr, /isobar\.yaml:5:1: colour: found the unknown key/);
  assert.equal(await proxy.dataPlane(), "a:1 least_request 127.0.0.1:9001\ncomplete=true\n");
  const metrics = await proxy.metrics();
  assert.match(metrics, /isobar_config_reloads_total\{result="failure"\} 1\n/);
  assert.match(metrics, /isobar_config_last_reload_successful 0\n/);
  const { reload } = JSON.parse(await proxy.get("/config_dump"));
  assert.deepEqual([reload.failed, reload.lastSucceeded, reload.problems.length], [1, false, 1]);

  proxy.write(TWO);
  await proxy.eventually(async () => (await proxy.dataPlane()).includes("9002"));
  await proxy.eventually(async () =>
    (await proxy.metrics()).includes("isobar_config_last_reload_successful 1\n"),
  );
});

test("SIGHUP reloads, and what takes a restart is named and left alone", async () => {
  proxy = await ProxyProcess.start(ONE);
  await proxy.ready();
  proxy.kill("SIGHUP");
  await proxy.eventually(async () => proxy.stderr.includes('"cause":"SIGHUP"'));
  proxy.write(TWO, "node: { id: other }\nmemory: { budgetOctets: 2000000 }");
  await proxy.eventually(async () => proxy.stderr.includes('"sections":"node, memory"'));
  const { config, reload } = JSON.parse(await proxy.get("/config_dump"));
  assert.equal(config.memory.budgetOctets, 268_435_456);
  assert.deepEqual(reload.restartNeeded, ["node", "memory"]);
  assert.match(await proxy.dataPlane(), /9002/);
});

test("SIGTERM drains and ends with 0", async () => {
  proxy = await ProxyProcess.start(ONE);
  await proxy.ready();
  proxy.kill("SIGTERM");
  assert.equal(await proxy.exited, 0);
  assert.match(proxy.stderr, /"message":"drained"/);
});

test("with a delay everything goes on after SIGTERM, but for /ready, and then it drains; SIGINT does not wait", async () => {
  proxy = await ProxyProcess.start(ONE, "drain: { delayMs: 3000 }");
  await proxy.ready();
  proxy.kill("SIGTERM");
  const toldMs = performance.now();
  await proxy.eventually(async () => (await proxy.get("/ready")) === "not ready: draining\n");
  assert.equal(await proxy.dataPlane(), "a:1 least_request 127.0.0.1:9001\ncomplete=true\n");
  assert.equal(await proxy.exited, 0);
  assert.ok(performance.now() - toldMs > 2_500, "it did not wait");
  assert.match(proxy.stderr, /"message":"drained"/);
  await proxy.stop();

  proxy = await ProxyProcess.start(ONE, "drain: { delayMs: 60000 }");
  await proxy.ready();
  proxy.kill("SIGINT");
  assert.equal(await proxy.exited, 0);
});

test("a drain that does not come to an end is ended by its limit, and /ready says draining meanwhile", async () => {
  proxy = await ProxyProcess.start("{ name: stuck, endpoints: [] }", "drain: { limitMs: 500 }");
  await proxy.ready();
  assert.equal(await proxy.get("/drain", "POST"), "draining\n");
  assert.equal(await proxy.get("/ready"), "not ready: draining\n");
  assert.equal(await proxy.exited, 0);
  assert.match(proxy.stderr, /the limit has passed/);
});

test("a second signal ends the process at once", async () => {
  proxy = await ProxyProcess.start("{ name: stuck, endpoints: [] }");
  await proxy.ready();
  proxy.kill("SIGTERM");
  await proxy.eventually(async () => (await proxy.get("/ready")).includes("draining"));
  proxy.kill("SIGINT");
  assert.equal(await proxy.exited, 130);
});

test("a data-plane thread that dies and dies again ends the process with 70", async () => {
  proxy = await ProxyProcess.start(ONE);
  await proxy.ready();
  proxy.write(`${ONE}, { name: die, endpoints: [] }`);
  assert.equal(await proxy.exited, 70);
  assert.match(
    proxy.stderr,
    /^more than 5 threads died within 60 s; the last one: data-plane thread 0 died: Error: told to die/m,
  );
  assert.equal(proxy.stderr.match(/a thread died and is replaced/g)?.length, 5);
});

test("an address in use ends the process with 71 and names key and address", async () => {
  const holder = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => holder.once("listening", resolve));
  const { port } = holder.address() as AddressInfo;
  proxy = await ProxyProcess.start(ONE, "", { listener: port });
  assert.equal(await proxy.exited, 71);
  assert.match(
    proxy.stderr,
    new RegExp(`^listeners\\[0\\]\\.address: 127\\.0\\.0\\.1:${port} cannot be bound: .*EADDRINUSE`, "m"),
  );
  await proxy.stop();
  proxy = await ProxyProcess.start(ONE, "", { admin: port });
  assert.equal(await proxy.exited, 71);
  assert.match(
    proxy.stderr,
    new RegExp(`^admin\\.address: 127\\.0\\.0\\.1:${port} cannot be bound: EADDRINUSE`, "m"),
  );
  holder.close();
});
