import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { LedgerRecord } from "../../src/daemon/capture/ledger-record.ts";
import { readLedger } from "../../src/daemon/capture/ledger-record.ts";
import { go } from "../clients/harness/go.ts";
import { java } from "../clients/harness/java.ts";
import { until } from "../e2e/harness/until.ts";
import { BoxLoad } from "./harness/box-load.ts";
import type { BoxNode } from "./harness/box-node.ts";
import type { BoxPod } from "./harness/box-pod.ts";
import { BoxShop, captured, current } from "./harness/box-shop.ts";
import { boxSuite, buildPrograms } from "./harness/missing-for-box.ts";

const LANGUAGES = [go, java];
const BIDI_MS = 2_000;
const LIMIT_MS = 30_000;
/** Calls of the clients' check of errors: each status but OK, once. */
const STATUSES = 16;
/** Within which calls are lost by the end of the proxy that had them. */
const LOST_WITHIN_MS = 3_000;
const NOT_CONNECTED = /refused|dialing/i;

describe("the ledger of a node", boxSuite(LANGUAGES), () => {
  let shop: BoxShop;
  let node: BoxNode;
  let pod: BoxPod;

  before(async () => {
    await buildPrograms(LANGUAGES);
    shop = await BoxShop.open();
    node = shop.box.nodes[0]!;
    pod = await shop.box.pod("shop", "client");
    await captured(node, pod);
  });
  after(() => shop?.[Symbol.asyncDispose]());

  function startLoads(...names: readonly string[]): readonly BoxLoad[] {
    const { target, authority } = shop.echo;
    return names.map(
      (name, i) => new BoxLoad(pod, LANGUAGES[i]!, name, { target, authority, bidiMs: BIDI_MS }),
    );
  }

  const total = (client: string): number =>
    Object.values(shop.calls(client)).reduce((sum, each) => sum + each, 0);

  function untilCalled(...clients: readonly string[]): Promise<number> {
    const before = clients.map(total);
    return until(
      "all clients call",
      () => clients.every((client, i) => total(client) > before[i]! + 50),
      () => node.trouble(),
      LIMIT_MS,
    );
  }

  function lastOf(generation: string): LedgerRecord {
    const { records, whole } = readLedger(
      readFileSync(join(node.runDir, "ledger", `${generation}.jsonl`), "utf8"),
    );
    assert.ok(whole, generation);
    return records.at(-1)!;
  }

  it("says exactly what the clients say, over generations that end in order", async (context) => {
    const loads = startLoads("go", "java");
    await untilCalled("go", "java");
    const statuses = ["call", "--target", shop.echo.target, "--authority", shop.echo.authority];
    const errors = pod.run(go.program, [...statuses, "--only", "error-codes"]);
    assert.equal((await errors.waitForEnd(LIMIT_MS)).code, 0);

    const first = node.proxy;
    const next = node.startProxy();
    await current(node, next.generation);
    assert.equal(await first.program.waitForEnd(LIMIT_MS), 0);
    await untilCalled("go", "java");
    const reports = await Promise.all(loads.map((load) => load.finish()));
    assert.deepEqual(
      reports.flatMap(({ failed }) => failed),
      [],
    );
    next.program.signal("SIGTERM");
    assert.equal(await next.program.waitForEnd(LIMIT_MS), 0);

    const records = [first, next].map(({ generation }) => lastOf(generation));
    assert.deepEqual(
      records.map(({ kind, open, ended }) => ({ kind, open, ended })),
      records.map(() => ({ kind: "closed", open: 0, ended: 0 })),
    );
    const calls = reports.reduce((sum, { unary, streams }) => sum + unary + streams, 0);
    const finished: Record<string, number> = {};
    for (const record of records)
      for (const [status, count] of Object.entries(record.finished))
        finished[status] = (finished[status] ?? 0) + count;
    const wanted: Record<string, number> = { 0: calls };
    for (let status = 1; status <= STATUSES; status++) wanted[status] = 1;
    assert.deepEqual(finished, wanted);
    const accepted = records.map((record) => record.accepted);
    assert.equal(accepted[0]! + accepted[1]!, calls + STATUSES);
    context.diagnostic(
      `${accepted.join(" + ")} streams in the ledgers, ${calls} + ${STATUSES} calls of the clients`,
    );
  });

  it("says of one that was killed how many were lost, and the clients lost so many", async (context) => {
    const killed = node.startProxy();
    await current(node, killed.generation);
    const loads = startLoads("go2", "java2");
    await untilCalled("go2", "java2");
    const atMs = Date.now();
    await killed.program.kill();
    const next = node.startProxy();
    await current(node, next.generation);
    const reports = await Promise.all(loads.map((load) => load.finish()));
    const [line] = await next.program.logged(/a former proxy of this node died/);
    const { generation, streamsLostAtLeast, streamsLostAtMost } = JSON.parse(line!) as {
      readonly generation: string;
      readonly streamsLostAtLeast: number;
      readonly streamsLostAtMost: number;
    };
    assert.equal(generation, killed.generation);
    assert.equal(lastOf(generation).kind, "died");
    const lost = reports
      .flatMap(({ failed }) => failed)
      .filter((each) => each.at >= atMs && each.at <= atMs + LOST_WITHIN_MS)
      // Calls that never got a connection are nobody's.
      .filter(({ message }) => !NOT_CONNECTED.test(message));
    context.diagnostic(
      `${lost.length} calls lost, the ledger says ${streamsLostAtLeast} to ${streamsLostAtMost}`,
    );
    const found = JSON.stringify(lost);
    assert.ok(lost.length >= streamsLostAtLeast && lost.length <= streamsLostAtMost, found);
  });
});
