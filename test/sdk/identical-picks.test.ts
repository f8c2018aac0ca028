import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import type { Random } from "../../src/base/random.ts";
import { SeededRandom } from "../../src/base/random.ts";
import type { PickRequest } from "../../src/lb/picker.ts";
import { decodePickDump } from "../../src/lb/record/pick-dump.ts";
import { readRecords } from "../../src/lb/record/pick-record.ts";
import { ReplayedReads } from "../../src/lb/record/replayed-reads.ts";
import type { TierLoads } from "../../src/lb/tier-loads.ts";
import { explain, recordedPicks } from "../../src/sdk/client.ts";
import { ClusterBalance } from "../../src/sdk/cluster-balance.ts";
import { EndpointTable } from "../../src/sdk/endpoint-table.ts";
import { REPOSITORY } from "../clients/harness/paths.ts";
import { eventually } from "./harness/eventually.ts";
import { NodeProxy } from "./harness/node-proxy.ts";
import { SdkBackend } from "./harness/sdk-backend.ts";
import { SdkCaller } from "./harness/sdk-caller.ts";
import { SdkRig } from "./harness/sdk-rig.ts";

const PLACE = { node: "n1", zone: "a", region: "r" };
const POLICIES = ["least_request", "round_robin", "ring_hash"] as const;
const HASHED = { keys: [{ method: true }] };
const CALLS = 60;
const UNRECORDED: PickRequest = { sequence: 0, hash: 0, triedCount: 0, tried: new Int32Array(0) };

describe("the proxy and a program's client", () => {
  const backends: SdkBackend[] = [];
  let rig: SdkRig;
  let proxy: NodeProxy;

  before(async () => {
    for (const name of ["first", "second", "third", "fourth"]) backends.push(await SdkBackend.start(name));
    rig = await SdkRig.start();
    for (const policy of POLICIES) {
      const endpoints = backends.map(({ address }, i) => ({
        address,
        zone: i < 3 ? "a" : "b",
        region: "r",
        weight: i + 1,
      }));
      rig.serve(nameOf(policy), endpoints, { loadBalancer: { policy, hash: HASHED } });
    }
    proxy = await NodeProxy.start({
      node: { id: PLACE.node, zone: PLACE.zone, region: PLACE.region },
      controlPlane: { addresses: [rig.controlPlane.address], insecure: true },
      explain: { sample: 1 },
    });
  });
  after(async () => {
    await proxy?.[Symbol.asyncDispose]();
    for (const backend of backends) backend.stop();
    await rig?.[Symbol.asyncDispose]();
  });
  afterEach(() => rig.reset());

  for (const policy of POLICIES) {
    const name = nameOf(policy);

    it(`pick the same of one view, one seed and one load, by ${policy}`, async () => {
      const through = new SdkCaller(proxy.address, { "grpc.default_authority": name });
      for (let i = 0; i < CALLS / 10; i++)
        await Promise.all(Array.from({ length: 10 }, () => through.call()));
      through.close();
      const [worker] = decodePickDump(await proxy.recordedPicks());
      const views = new Map(worker!.views.map((view) => [view.number, view]));
      let balance: ClusterBalance | undefined;
      let replayed = 0;
      let unrecorded = 0;
      for (const record of readRecords(worker!.records)) {
        const view = views.get(record.view)!;
        if (view.snapshot.name !== name) continue;
        balance ??= new ClusterBalance(
          view.snapshot,
          {
            table: new EndpointTable(),
            place: PLACE,
            random: new SeededRandom(1),
            onEjection: () => {},
          },
          record.nowMs,
        );
        assert.deepEqual(balance.built.tiers, view.tiers);
        const reads = new ReplayedReads(record);
        const { hash, tried, nowMs, sequence, picked } = record;
        // What is picked while another version's hash table is being made is counted and not recorded.
        for (; policy === "ring_hash" && replayed + unrecorded < sequence; unrecorded++)
          balance.pick({ ...UNRECORDED }, balance.loads, new SeededRandom(1), nowMs);
        const request: PickRequest = {
          sequence: 0,
          hash,
          triedCount: tried.length,
          tried: Int32Array.from(tried),
        };
        assert.equal(
          balance.pick(
            request,
            reads as TierLoads,
            reads as Random,
            nowMs,
            balance.tiered.withShares(view.shares),
          ),
          picked,
        );
        assert.deepEqual([request.sequence, reads.left], [sequence, ""]);
        replayed++;
      }
      assert.ok(
        replayed + unrecorded >= CALLS,
        `${replayed} picks, and ${unrecorded} that were not recorded`,
      );
      assert.ok(replayed >= CALLS / 2, `${replayed} picks`);
    });
  }

  it("believe the same, and the client's picks replay in the proxy's program", async () => {
    rig.configure({ ...PLACE, explainSample: 1, seed: 7 });
    for (const policy of POLICIES) {
      const name = nameOf(policy);
      const echo = await rig.open(name);
      await echo.spread(20);
      const told = JSON.parse(await proxy.admin(`/explain?cluster=${name}&format=json`)) as {
        cluster: { snapshot: string };
      };
      await eventually(() => rig.service(name)!.clusters[0]!.snapshot === told.cluster.snapshot);
    }
    const file = join(rig.controlPlane.folder, "picks.bin");
    writeFileSync(file, recordedPicks());
    const args = [join(REPOSITORY, "src/cli/launch.mjs"), "explain", "--replay", file];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, {
      encoding: "utf8",
      timeout: 60_000,
    });
    assert.equal(status, 0, stdout + stderr);
    const [, picks, same] = /: ([0-9]+) picks, ([0-9]+) replayed to the same endpoint/.exec(stdout) ?? [];
    assert.ok(Number(picks) >= 60 && picks === same, stdout);
    const [newest] = explain(nameOf("least_request"), 1).picks;
    assert.equal(newest?.drawn.length, 2);
    assert.ok(backends.some(({ address }) => address === newest?.winner));
  });
});

function nameOf(policy: string): string {
  return `${policy.replaceAll("_", "-")}.default:1`;
}
