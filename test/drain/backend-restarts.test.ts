import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { go } from "../clients/harness/go.ts";
import { java } from "../clients/harness/java.ts";
import type { Language, Program } from "../clients/harness/language.ts";
import { RealProxy } from "../interop/harness/real-proxy.ts";
import { Backend, processedTwice } from "./harness/backend.ts";
import { haveBuilt } from "./harness/languages.ts";
import { JS_LOAD, JS_SERVER, LoadClient } from "./harness/load-client.ts";
import { restart } from "./harness/restart.ts";

const AUTHORITY = "echo.default.svc.cluster.local:50051";
const CLIENTS = 2;
/** Calls that a client has open at a time. */
const OPEN_CALLS = 6;
const UNAVAILABLE = 14;
const RESTARTS = 4;
const KILLS = 2;
const BETWEEN_MS = 300;

interface Stack {
  readonly name: string;
  readonly program: Program;
  readonly languages: readonly Language[];
}

const STACKS: readonly Stack[] = [
  { name: "grpc-go", program: go.program, languages: [go] },
  { name: "grpc-java", program: java.program, languages: [go, java] },
  { name: "node:http2", program: JS_SERVER, languages: [go] },
];

/** Two clients under load, the proxy, and backends that are done something to. */
async function underLoad(
  { program, name }: Stack,
  context: TestContext,
  disturb: (backends: Backend[]) => Promise<void>,
): Promise<{ failed: { id: string; status: number; message: string }[]; calls: number }> {
  const folder = await mkdtemp(join(tmpdir(), "isobar-restarts-"));
  const journals = ["first", "second"].map((each) => join(folder, each));
  const backends = await Promise.all(journals.map((journal) => Backend.start(program, name, journal)));
  const proxy = await RealProxy.start({
    clusters: [{ name: AUTHORITY, endpoints: backends.map(({ address }) => address) }],
  });
  const clients = [
    new LoadClient(go.program, "go", proxy.address, AUTHORITY),
    new LoadClient(JS_LOAD, "js", proxy.address, AUTHORITY),
  ];
  assert.equal(clients.length, CLIENTS);
  try {
    await proxy.served(100);
    await disturb(backends);
    await sleep(BETWEEN_MS);
    const reports = await Promise.all(clients.map((client) => client.finish()));
    const calls = reports.reduce((sum, { unary, streams }) => sum + unary + streams, 0);
    const failed = reports.flatMap((report) => report.failed);
    const moves = await proxy.metric("isobar_retries_total");
    context.diagnostic(`${calls} calls, ${failed.length} failed, ${moves} moved to the other backend`);
    assert.equal(proxy.fault, "");
    assert.equal(await proxy.blamed(), 0);
    assert.deepEqual(await processedTwice(journals), []);
    return { failed, calls };
  } finally {
    await Promise.all([...clients, proxy, ...backends.map(({ child }) => child)].map((each) => each.stop()));
    await rm(folder, { recursive: true, force: true });
  }
}

describe("backends that restart under load", () => {
  for (const stack of STACKS) {
    it(`drain without a failed call, and nothing is processed twice: ${stack.name}`, async (context) => {
      if (!(await haveBuilt(stack.languages, context))) return;
      const { failed, calls } = await underLoad(stack, context, async (backends) => {
        for (let i = 0; i < RESTARTS; i++) {
          backends[i % 2] = await restart(backends[i % 2]!, stack.program, "SIGTERM");
          await sleep(BETWEEN_MS);
        }
      });
      assert.deepEqual(failed, []);
      assert.ok(calls > 500, `${calls} calls`);
    });

    it(`killed, lose what they had begun and no more, and nothing is processed twice: ${stack.name}`, async (context) => {
      if (!(await haveBuilt(stack.languages, context))) return;
      const { failed, calls } = await underLoad(stack, context, async (backends) => {
        for (let i = 0; i < KILLS; i++) {
          backends[i % 2] = await restart(backends[i % 2]!, stack.program, "SIGKILL");
          await sleep(BETWEEN_MS);
        }
      });
      assert.ok(calls > 300, `${calls} calls`);
      assert.deepEqual(
        failed.filter(({ status }) => status !== UNAVAILABLE),
        [],
      );
      assert.ok(failed.length <= KILLS * CLIENTS * OPEN_CALLS, JSON.stringify(failed));
      assert.ok(failed.length > 0, "a kill that costs nothing proves nothing");
    });
  }
});
