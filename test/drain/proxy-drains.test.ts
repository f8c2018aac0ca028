import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { go } from "../clients/harness/go.ts";
import { java } from "../clients/harness/java.ts";
import { python } from "../clients/harness/python.ts";
import { RealProxy } from "../interop/harness/real-proxy.ts";
import { Backend, processedTwice } from "./harness/backend.ts";
import { haveBuilt } from "./harness/languages.ts";
import { JS_LOAD, LoadClient } from "./harness/load-client.ts";
import { VirtualAddress } from "./harness/virtual-address.ts";

const { ISOBAR_DRAINS = "" } = process.env;
const DRAINS = Number(ISOBAR_DRAINS) || 100;
const AUTHORITY = "echo.default.svc.cluster.local:50051";
const CLIENTS = 4;
/** Calls that each proxy has served before it has to leave. */
const CALLS_EACH = 40;
/** Connections on their way to the old proxy when the address moved have arrived by then. */
const SETTLE_MS = 50;
const STEP_LIMIT_MS = 30_000;

/** A proxy with all four clients on it. */
async function inUse(proxy: RealProxy): Promise<void> {
  const limit = performance.now() + STEP_LIMIT_MS;
  for (;;) {
    const clients = await proxy.metric("isobar_downstream_connections");
    const calls = await proxy.metric("isobar_requests_total");
    if (clients >= CLIENTS && calls >= CALLS_EACH) return;
    if (performance.now() > limit) throw new Error(`${clients} clients, ${calls} calls: ${proxy.fault}`);
    await sleep(20);
  }
}

it(`${DRAINS} drains under load from grpc-go, grpc-java, Python and grpc-js fail no call`, {
  timeout: 15 * 60_000,
}, async (context) => {
  if (!(await haveBuilt([go, java, python], context))) return;
  const folder = await mkdtemp(join(tmpdir(), "isobar-drain-"));
  const journals = ["go", "java"].map((name) => join(folder, name));
  const backends = await Promise.all([
    Backend.start(go.program, "go", journals[0]!),
    Backend.start(java.program, "java", journals[1]!),
  ]);
  const clusters = [{ name: AUTHORITY, endpoints: backends.map(({ address }) => address) }];
  const address = await VirtualAddress.open();
  const leaving: Promise<number | null>[] = [];
  let clients: LoadClient[] = [];
  let serving = await RealProxy.start({ clusters });
  // Made while its predecessor takes over, because most of a step is the start of a process.
  let successor = RealProxy.start({ clusters });
  const started = performance.now();
  try {
    address.moveTo(serving.port);
    const programs = { go: go.program, java: java.program, python: python.program, js: JS_LOAD };
    clients = Object.entries(programs).map(
      ([name, program]) => new LoadClient(program, name, address.address, AUTHORITY),
    );
    await inUse(serving);
    for (let drain = 0; drain < DRAINS; drain++) {
      const next = await successor;
      successor = RealProxy.start({ clusters });
      address.moveTo(next.port);
      await sleep(SETTLE_MS);
      if (drain % 2 === 0) serving.child.signal("SIGTERM");
      else await serving.drain();
      leaving.push(serving.ended(STEP_LIMIT_MS));
      serving = next;
      await inUse(serving);
    }
    const seconds = Math.round((performance.now() - started) / 1000);
    const reports = await Promise.all(
      clients.map(async (client) => ({ client, ...(await client.finish()) })),
    );
    const text = reports.map(({ client, unary, streams, failed }) => {
      return `${client.name}: ${unary} unary calls, ${streams} streams, ${failed.length} failed`;
    });
    context.diagnostic(`${DRAINS} drains in ${seconds} s; ${text.join("; ")}`);
    for (const { client, failed } of reports) assert.deepEqual(failed, [], client.name);
    for (const { client, unary, streams } of reports) {
      assert.ok(
        unary >= DRAINS * 5 && streams >= DRAINS / 2,
        `${client.name}: too few calls to prove anything`,
      );
    }
    assert.deepEqual(new Set(await Promise.all(leaving)), new Set([0]));
    assert.equal(await serving.blamed(), 0);
    assert.deepEqual(await processedTwice(journals), []);
  } finally {
    await Promise.all(
      [...clients, serving, ...backends.map(({ child }) => child)].map((each) => each.stop()),
    );
    await (await successor).stop();
    address.close();
    await rm(folder, { recursive: true, force: true });
  }
});
