import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { RememberedCluster } from "../../../src/controller/clusters/remembered-cluster.ts";
import type { ServiceModel } from "../../../src/resource/service.ts";
import { createLog } from "../../../src/telemetry/log.ts";
import { service } from "../../xds/service-builder.ts";
import { FakeCluster } from "./fake-cluster.ts";

const HOUR_MS = 3_600_000;
let folder: string;
let file: string;

/** A cluster with its file, begun. */
class Run {
  readonly source = new FakeCluster("west");
  readonly services = new Map<string, ServiceModel>();
  readonly log: string[] = [];
  readonly cluster: RememberedCluster;
  syncs = 0;

  constructor(maxStaleMs = HOUR_MS) {
    const log = createLog({ stream: { write: (line) => void this.log.push(line) } });
    const times = { waitMs: 5, maxStaleMs, saveMs: HOUR_MS };
    this.cluster = new RememberedCluster({ source: this.source, file, log, times });
    void this.cluster.start({
      upsert: (model) => void this.services.set(model.name, model),
      remove: (name) => void this.services.delete(name),
      synced: () => {
        this.syncs++;
      },
    });
  }

  async until(holds: () => boolean): Promise<void> {
    for (let i = 0; i < 2_000 && !holds(); i++) await sleep(5);
    assert.ok(holds(), this.log.join(""));
  }
}

/** Two services, known and kept. */
async function keep(): Promise<void> {
  const run = new Run();
  run.source.sink.upsert(service("a:1", 2));
  run.source.sink.upsert(service("b:1", 1));
  run.source.sink.synced();
  await run.cluster.close();
}

describe("another cluster that is kept on disk", () => {
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "isobar-clusters-"));
    file = join(folder, "west.json");
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("is known as it was while its API is away, as lost, and as the API has it when that is back", async () => {
    await keep();
    const run = new Run();
    assert.equal(run.syncs, 0);
    await run.until(() => run.syncs === 1);
    assert.deepEqual([...run.services.keys()], ["a:1", "b:1"]);
    assert.deepEqual(run.services.get("a:1"), service("a:1", 2));
    assert.equal(run.cluster.isLost, true);
    run.source.sink.upsert(service("b:1", 3));
    run.source.sink.synced();
    assert.deepEqual([...run.services.keys()], ["b:1"], "what the API does not have is gone");
    assert.equal(run.services.get("b:1")?.cluster.endpoints.length, 3);
    assert.equal(run.cluster.isLost, false);
    await run.cluster.close();
  });

  it("is not taken from disk when its API answers in time", async () => {
    await keep();
    const run = new Run();
    run.source.sink.upsert(service("c:1", 1));
    run.source.sink.synced();
    await sleep(50);
    assert.deepEqual([...run.services.keys()], ["c:1"]);
    await run.cluster.close();
  });

  it("is dropped when nobody has confirmed it for too long, at the start and later", async () => {
    await keep();
    const old = Date.now() / 1_000 - 2 * 3_600;
    await utimes(file, old, old);
    const late = new Run();
    await late.until(() => late.log.join("").includes("too old"));
    assert.equal(late.syncs, 0);
    await late.cluster.close();
    const now = Date.now() / 1_000;
    await utimes(file, now, now);
    const run = new Run(1_000);
    await run.until(() => run.services.size === 2);
    await run.until(() => run.services.size === 0);
    assert.match(run.log.join(""), /has not confirmed them/);
    await run.cluster.close();
  });

  it("is not written, nor called confirmed, while its API is away", async () => {
    await keep();
    const before = (await stat(file)).mtimeMs;
    const run = new Run();
    await run.until(() => run.syncs === 1);
    await run.cluster.close();
    assert.equal((await stat(file)).mtimeMs, before);
  });

  it("is set aside when the file makes no sense", async () => {
    for (const text of [
      "{",
      '{"format":2}',
      '{"format":1,"cluster":"east"}',
      '{"format":1,"cluster":"west"}',
    ]) {
      await writeFile(file, text);
      const run = new Run();
      await run.until(() => run.log.join("").includes("is of no use"));
      assert.equal(run.syncs, 0);
      assert.deepEqual(await readdir(folder), ["west.json.set-aside"]);
      await run.cluster.close();
    }
  });
});
