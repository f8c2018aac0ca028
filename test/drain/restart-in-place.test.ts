import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
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

const AUTHORITY = "echo.default.svc.cluster.local:50051";
const RESTARTS = 8;
const CLIENTS = 4;
const LEAVE_LIMIT_MS = 30_000;
/** Clients whose first attempt was refused try again after a second or two. */
const BACK_LIMIT_MS = 30_000;

/** Waits until nobody listens on a port of the loopback interface. */
async function closed(port: number): Promise<void> {
  const listens = (): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = connect(port, "127.0.0.1", () => {
        socket.destroy();
        resolve(true);
      });
      socket.on("error", () => resolve(false));
    });
  while (await listens()) await sleep(5);
}

it(`${RESTARTS} restarts of the proxy at one address fail no call of clients that wait for ready`, async (context) => {
  if (!(await haveBuilt([go, java, python], context))) return;
  const folder = await mkdtemp(join(tmpdir(), "isobar-restart-"));
  const journal = join(folder, "go");
  const backend = await Backend.start(go.program, "go", journal);
  const clusters = [{ name: AUTHORITY, endpoints: [backend.address] }];
  let proxy = await RealProxy.start({ clusters });
  const { port, address } = proxy;
  const programs = { go: go.program, java: java.program, python: python.program, js: JS_LOAD };
  const clients = Object.entries(programs).map(
    ([name, program]) => new LoadClient(program, name, address, AUTHORITY, true),
  );
  const leaving: Promise<number | null>[] = [];
  const allBack = async (): Promise<void> => {
    const limit = performance.now() + BACK_LIMIT_MS;
    while ((await proxy.metric("isobar_downstream_connections")) < CLIENTS) {
      assert.ok(performance.now() < limit, `clients do not come back: ${proxy.fault}`);
      await sleep(20);
    }
    await sleep(200);
  };
  try {
    await allBack();
    for (let restart = 0; restart < RESTARTS; restart++) {
      // The listener is closed at once; streams finish beside the successor, which cannot bind before that.
      proxy.child.signal("SIGTERM");
      leaving.push(proxy.ended(LEAVE_LIMIT_MS));
      await closed(port);
      proxy = await RealProxy.start({ clusters, port });
      await allBack();
    }
    const reports = await Promise.all(
      clients.map(async (client) => ({ client, ...(await client.finish()) })),
    );
    context.diagnostic(
      reports
        .map(({ client, unary, streams }) => `${client.name}: ${unary} unary, ${streams} streams`)
        .join("; "),
    );
    for (const { client, failed } of reports) assert.deepEqual(failed, [], client.name);
    assert.deepEqual(new Set(await Promise.all(leaving)), new Set([0]));
    assert.deepEqual(await processedTwice([journal]), []);
  } finally {
    await Promise.all([...clients, proxy, backend.child].map((each) => each.stop()));
    await rm(folder, { recursive: true, force: true });
  }
});
