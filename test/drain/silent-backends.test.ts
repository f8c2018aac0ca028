import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { go } from "../clients/harness/go.ts";
import { RealProxy } from "../interop/harness/real-proxy.ts";
import { Backend, processedTwice } from "./harness/backend.ts";
import { haveBuilt } from "./harness/languages.ts";
import { JS_LOAD, JS_SERVER, LoadClient } from "./harness/load-client.ts";
import { NetworkNamespace } from "./harness/network-namespace.ts";

const { CI = "" } = process.env;
const AUTHORITY = "echo.default.svc.cluster.local:50051";
/** Calls that the two clients have open at a time. */
const OPEN_CALLS = 12;
const UNAVAILABLE = 14;
const KEYS = ["keepalive: { timeMs: 500, timeoutMs: 500 }", "connectTimeoutMs: 500"];
/** Silence, PING and its limit take 1 s; the rest is for a slow machine. */
const NOTICED_MS = 4_000;
const AFTERWARDS_MS = 3_000;

interface Silence {
  /** Where the backend that falls silent runs. */
  readonly start: (journal: string) => Promise<Backend>;
  readonly fallSilent: (backend: Backend) => void;
  readonly atEnd?: (backend: Backend) => void;
}

/** Two clients under load on two backends, one of which falls silent. */
async function play(silence: Silence, context: TestContext): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "isobar-silent-"));
  const journals = ["silent", "well"].map((each) => join(folder, each));
  const silent = await silence.start(journals[0]!);
  const well = await Backend.start(go.program, "well", journals[1]!);
  const proxy = await RealProxy.start({
    clusters: [{ name: AUTHORITY, endpoints: [silent.address, well.address], keys: KEYS }],
  });
  const clients = [
    new LoadClient(go.program, "go", proxy.address, AUTHORITY),
    new LoadClient(JS_LOAD, "js", proxy.address, AUTHORITY),
  ];
  const lost = (): Promise<number> => proxy.metric("isobar_requests_total", { grpc_status: "UNAVAILABLE" });
  const finishedWell = (): Promise<number> => proxy.metric("isobar_requests_total", { grpc_status: "OK" });
  try {
    await proxy.served(200);
    silence.fallSilent(silent);
    await sleep(NOTICED_MS);
    const lostThen = await lost();
    const before = await finishedWell();
    await sleep(AFTERWARDS_MS);
    const served = (await finishedWell()) - before;
    const failed = (await Promise.all(clients.map((client) => client.finish()))).flatMap(
      (each) => each.failed,
    );
    context.diagnostic(
      `${failed.length} calls lost, all noticed within ${NOTICED_MS} ms; ${served} served in ${AFTERWARDS_MS} ms`,
    );
    assert.equal(proxy.fault, "");
    assert.ok(failed.length > 0, "a backend that had nothing to do proves nothing");
    assert.ok(failed.length <= OPEN_CALLS, JSON.stringify(failed));
    assert.deepEqual(
      failed.filter(({ status }) => status !== UNAVAILABLE),
      [],
    );
    assert.equal(lostThen, failed.length, "calls failed after the silence must have been noticed");
    assert.ok(served > 100, `${served} calls served`);
    silence.atEnd?.(silent);
    assert.deepEqual(await processedTwice(journals), []);
    assert.equal(await proxy.blamed(), 0);
  } finally {
    silence.atEnd?.(silent);
    await Promise.all([...clients, proxy, silent.child, well.child].map((each) => each.stop()));
    await rm(folder, { recursive: true, force: true });
  }
}

describe("a backend that falls silent under load loses the calls it has, once, and no others", () => {
  it("accepts and never answers (stopped)", async (context) => {
    if (!(await haveBuilt([go], context))) return;
    await play(
      {
        start: (journal) => Backend.start(go.program, "silent", journal),
        fallSilent: ({ child }) => child.signal("SIGSTOP"),
        atEnd: ({ child }) => child.signal("SIGCONT"),
      },
      context,
    );
  });

  it("vanishes without FIN or RST (its link is down)", async (context) => {
    const missing = NetworkNamespace.missing();
    if (missing !== "") {
      assert.equal(CI, "", missing);
      context.skip(missing);
      return;
    }
    if (!(await haveBuilt([go], context))) return;
    const namespace = NetworkNamespace.make();
    try {
      const [command, ...args] = [...namespace.prefix, JS_SERVER.command, ...JS_SERVER.args];
      await play(
        {
          start: (journal) =>
            Backend.start({ command: command!, args }, "silent", journal, 0, ["--host", namespace.host]),
          fallSilent: () => namespace.cut(),
        },
        context,
      );
    } finally {
      namespace.remove();
    }
  });
});
