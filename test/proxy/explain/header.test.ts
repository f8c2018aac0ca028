import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { Metadata } from "@grpc/grpc-js";
import type { ExplainAnswer } from "../../../src/proxy/explain/explain-text.ts";
import { MAX_EXPLAIN_OCTETS } from "../../../src/proxy/explain/explain-text.ts";
import type { Cluster } from "../../../src/resource/cluster.ts";
import { clusterSettings } from "../../../src/resource/cluster-settings.ts";
import type { Endpoint } from "../../../src/resource/endpoint.ts";
import { LOAD_BALANCING_DEFAULTS } from "../../../src/resource/load-balancing.ts";
import { ExplainCell } from "../../../src/telemetry/explain-cell.ts";
import { WorkerColumn } from "../../../src/telemetry/worker-counters.ts";
import { freePort } from "../../support/free-port.ts";
import { GrpcBackend } from "../fixture/grpc-backend.ts";
import type { Outcome } from "../fixture/grpc-client.ts";
import { GrpcClient } from "../fixture/grpc-client.ts";
import { ECHO, LocalProxy } from "../fixture/local-proxy.ts";

const HEADER = "x-isobar-explain";

function asking(value = "1"): Metadata {
  const metadata = new Metadata();
  metadata.set(HEADER, value);
  return metadata;
}

function answerIn(metadata: Metadata): ExplainAnswer | undefined {
  const [text] = metadata.get(HEADER) as string[];
  return text === undefined ? undefined : (JSON.parse(text) as ExplainAnswer);
}

describe("a request that asks how it is picked for", () => {
  let backends: GrpcBackend[];
  let proxy: LocalProxy;
  let client: GrpcClient;

  before(async () => {
    backends = await Promise.all([GrpcBackend.start(), GrpcBackend.start(), GrpcBackend.start()]);
  });

  after(() => {
    for (const backend of backends) backend.stop();
  });

  async function start(
    allowedSources: string[],
    endpoints: (number | Partial<Endpoint>)[],
    changes: Partial<Cluster> = {},
  ): Promise<void> {
    proxy = await LocalProxy.start({ zone: "zone-a" });
    proxy.dataPlane.explain.configure({ sample: 0, ring: 64, allowedSources });
    proxy.apply(endpoints, changes);
    client = new GrpcClient(proxy.port);
  }

  function counted(cell: number): number {
    return proxy.worker.row(0)[WorkerColumn.explain + cell]!;
  }

  afterEach(async () => {
    client.close();
    await proxy.close();
  });

  it("is told snapshot, tier, candidates, the two drawn with their terms, the winner, and who is left out and why", async () => {
    const [first, second, third] = backends.map(({ port }) => port) as [number, number, number];
    await start(
      ["127.0.0.0/8"],
      [
        { port: first, zone: "zone-a" },
        { port: second, zone: "zone-a", weight: 2 },
        { port: third, zone: "zone-b" },
        { port: 1, zone: "zone-a", health: "unhealthy" },
      ],
    );
    const { snapshot } = proxy.apply([
      { port: first, zone: "zone-a" },
      { port: second, zone: "zone-a", weight: 2 },
      { port: third, zone: "zone-b" },
      { port: 1, zone: "zone-a", health: "unhealthy" },
    ]);
    const winners = new Set<string>();
    for (let call = 0; call < 40; call++) {
      const outcome = await client.unary("hello", {}, asking());
      assert.equal(outcome.code, 0);
      const answer = answerIn(outcome.initial)!;
      assert.equal(answer.cluster, ECHO);
      assert.equal(answer.snapshot, snapshot.contentHash);
      assert.equal(answer.policy, "least_request");
      assert.equal(answer.metric, "in_flight");
      assert.deepEqual(answer.moves, []);
      assert.equal(answer.picks.length, 1);
      const [pick] = answer.picks;
      assert.equal(pick!.cause, "first");
      assert.equal(answer.endpoint, pick!.winner);
      winners.add(pick!.winner);
      assert.equal(answer.leftOut["unhealthy, says discovery"], 1);
      assert.equal(answer.leftOutEndpoints["127.0.0.1:1"], "unhealthy, says discovery");
      if (pick!.tier !== "zone") continue;
      assert.equal(pick!.candidates, 2);
      assert.deepEqual(
        [...pick!.drawn].sort((a, b) => a.weight - b.weight),
        [
          { endpoint: `127.0.0.1:${first}`, zone: "zone-a", weight: 1, load: 0 },
          { endpoint: `127.0.0.1:${second}`, zone: "zone-a", weight: 2, load: 0 },
        ].map((drawn) => ({
          ...drawn,
          load: pick!.drawn.find(({ weight }) => weight === drawn.weight)!.load,
        })),
      );
      assert.match(answer.leftOutEndpoints[`127.0.0.1:${third}`]!, /^in tier "any", which gets/);
    }
    assert.ok(winners.has(`127.0.0.1:${first}`) && winners.has(`127.0.0.1:${second}`));
    assert.equal(counted(ExplainCell.answered), 40);
    assert.equal(counted(ExplainCell.recorded), 40);
  });

  it("is told each move with its reason, and where it was before", async () => {
    const dead = await freePort();
    await start(["127.0.0.1"], [dead, backends[0]!.port]);
    let moved: ExplainAnswer | undefined;
    for (let call = 0; call < 50 && moved === undefined; call++) {
      proxy.remove();
      proxy.apply([dead, backends[0]!.port]);
      const outcome = await client.unary("hello", {}, asking());
      assert.equal(outcome.code, 0);
      const answer = answerIn(outcome.initial)!;
      if (answer.moves.length > 0) moved = answer;
    }
    assert.deepEqual(moved!.moves, ["connect_failure"]);
    const [before, again] = moved!.picks;
    assert.equal(before!.winner, `127.0.0.1:${dead}`);
    assert.equal(again!.cause, "again");
    assert.deepEqual(again!.tried, [`127.0.0.1:${dead}`]);
    assert.equal(moved!.endpoint, `127.0.0.1:${backends[0]!.port}`);
  });

  it("is told with an error of the proxy's own too", async () => {
    const dead = await freePort();
    await start(["127.0.0.1"], [dead]);
    const outcome = await client.unary("hello", {}, asking());
    assert.equal(outcome.code, 14);
    const answer = answerIn(outcome.trailers)!;
    assert.equal(answer.endpoint, "");
    assert.equal(answer.picks[0]!.winner, `127.0.0.1:${dead}`);
  });

  it("never passes its header on to the endpoint, whoever asks and whatever it says", async () => {
    for (const allowed of [["127.0.0.1"], ["10.0.0.0/8"], []]) {
      await start(allowed, [backends[0]!.port]);
      for (const value of ["1", "0", "yes", "", "1".repeat(600)]) {
        // More than once: from the second time on it comes as an index into the connection's table.
        for (let call = 0; call < 3; call++) {
          const outcome = await client.unary("hello", {}, asking(value));
          assert.equal(outcome.code, 0);
          const isTold = allowed.includes("127.0.0.1") && value === "1";
          assert.equal(answerIn(outcome.initial) !== undefined, isTold, `"${value}" of ${allowed}`);
          assert.deepEqual(backends[0]!.metadata.get(HEADER), []);
        }
      }
      assert.equal(counted(ExplainCell.refused), allowed.includes("127.0.0.1") ? 0 : 3);
      if (allowed.length > 0) {
        client.close();
        await proxy.close();
      }
    }
  });

  it("is told nothing when it does not ask, and leaves nothing behind", async () => {
    await start(["127.0.0.1"], [backends[0]!.port]);
    const outcome = await client.unary("hello");
    assert.equal(answerIn(outcome.initial), undefined);
    assert.equal(proxy.dataPlane.explain.isOn, false);
    await client.unary("hello", {}, asking());
    await proxy.settled();
    assert.equal(proxy.dataPlane.explain.isOn, false);
  });

  it("gets an answer that stays small and in ASCII, however many endpoints are left out", async () => {
    const many = Array.from({ length: 3000 }, (_, n) => ({
      port: 2 + n,
      zone: "zone-ü",
      health: "unhealthy" as const,
    }));
    const locality = { ...LOAD_BALANCING_DEFAULTS.locality, panicThreshold: 0 };
    const settings = clusterSettings({ loadBalancing: { locality } });
    await start(["127.0.0.1"], [{ port: backends[0]!.port, zone: "zone-ü" }, ...many], { settings });
    const outcome = await client.unary("hello", {}, asking());
    const text = outcome.initial.get(HEADER)[0] as string;
    assert.ok(text.length <= MAX_EXPLAIN_OCTETS, `${text.length} octets`);
    assert.match(text, /^[\x20-\x7e]*$/);
    const answer = answerIn(outcome.initial)!;
    assert.equal(answer.picks[0]!.candidates, 1);
    assert.equal(answer.leftOut["unhealthy, says discovery"], 3000);
    assert.equal(Object.keys(answer.leftOutEndpoints).length, 16);
  });
});

describe("clients of a unix socket", () => {
  it("may ask when the configuration names them", async () => {
    const backend = await GrpcBackend.start();
    const folder = mkdtempSync(join(tmpdir(), "isobar-explain-"));
    const told: boolean[] = [];
    for (const allowedSources of [["127.0.0.0/8"], ["unix"]]) {
      const unixPath = join(folder, `${allowedSources[0]!.replace("/", "-")}.sock`);
      const proxy = await LocalProxy.start({ unixPath, listener: { isUnix: true } });
      proxy.dataPlane.explain.configure({ sample: 0, ring: 64, allowedSources });
      proxy.apply([backend.port]);
      const client = new GrpcClient(unixPath);
      const outcome: Outcome = await client.unary("hello", {}, asking());
      assert.equal(outcome.code, 0);
      told.push(answerIn(outcome.initial) !== undefined);
      client.close();
      await proxy.close();
    }
    backend.stop();
    rmSync(folder, { recursive: true });
    assert.deepEqual(told, [false, true]);
  });
});
