import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { StaticFileError, StaticSource } from "../../src/control-plane/static-source.ts";
import type { ChangeCause, ServiceModel } from "../../src/resource/service.ts";
import type { ServiceSink } from "../../src/resource/service-source.ts";
import { createLog } from "../../src/telemetry/log.ts";

const folder = mkdtempSync(join(tmpdir(), "isobar-static-"));
after(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;

const GREETER = `
  - name: Greeter.default:50051
    endpoints: [{ address: 10.0.0.1:50051, zone: a }]`;

/** Remembers what a source says. */
class RecordingSink implements ServiceSink {
  readonly services = new Map<string, ServiceModel>();
  syncs = 0;

  upsert(service: ServiceModel): void {
    this.services.set(service.name, service);
  }

  readonly removed: (string | undefined)[] = [];

  remove(name: string, cause?: ChangeCause): void {
    this.services.delete(name);
    this.removed.push(cause?.object);
  }

  synced(): void {
    this.syncs++;
  }
}

function source(text: string) {
  const file = join(folder, `${files++}.yaml`);
  writeFileSync(file, text);
  const lines: string[] = [];
  const log = createLog({ stream: { write: (line) => void lines.push(line) } });
  const lookup = async (_name: string, family: string) =>
    family === "ipv4"
      ? ({ kind: "addresses", addresses: ["10.9.9.9"], ttlMs: 60_000 } as const)
      : ({ kind: "empty" } as const);
  const sink = new RecordingSink();
  return { file, lines, sink, source: new StaticSource({ file, log, lookup }) };
}

async function until(holds: () => boolean): Promise<void> {
  const end = performance.now() + 30_000;
  while (!holds()) {
    assert.ok(performance.now() < end, "not within 30 s");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe("StaticSource", () => {
  it("gives the clusters of a file under lower-case names, and then says that this is all", async () => {
    const { source: each, sink, file } = source(`clusters:${GREETER}`);
    await each.start(sink);
    await each.close();
    const { cluster, authorities, cause } = sink.services.get("greeter.default:50051")!;
    assert.deepEqual(authorities, ["greeter.default:50051"]);
    assert.equal(cluster.name, "greeter.default:50051");
    assert.equal(cluster.endpoints[0]!.zone, "a");
    assert.equal(cause?.object, file);
    assert.equal(sink.services.get("greeter.default:50051")!.deliberate, true);
    assert.equal(sink.syncs, 1);
  });

  it("reads a proxy's own configuration too", async () => {
    const { source: each, sink } = source(
      `listeners: [{ name: grpc, address: 127.0.0.1:0 }]\nclusters:${GREETER}`,
    );
    await each.start(sink);
    await each.close();
    assert.equal(sink.services.size, 1);
  });

  it("asks DNS for clusters that are there", async () => {
    const { source: each, sink } = source("clusters: [{ name: 'a:1', dns: { hostname: a.test, port: 1 } }]");
    await each.start(sink);
    await each.close();
    assert.deepEqual(
      sink.services.get("a:1")!.cluster.endpoints.map(({ address }) => address),
      ["10.9.9.9"],
    );
    assert.equal(sink.services.get("a:1")!.deliberate, false);
  });

  it("gives each service the routes for its authority, and authorities that only routes know a service", async () => {
    const text = `clusters:${GREETER}
routes:
  - { name: mine, authorities: ["greeter.default:50051"], clusters: [{ name: Greeter.default:50051, weight: 1 }] }
  - { name: all, authorities: ["*"], matches: [{ path: /x }], clusters: [{ name: Greeter.default:50051, weight: 1 }] }
  - { name: other, authorities: [api.test], clusters: [{ name: Greeter.default:50051, weight: 1 }] }`;
    const { source: each, sink } = source(text);
    await each.start(sink);
    await each.close();
    const routes = (name: string) => sink.services.get(name)!.routes.map((route) => route.name);
    assert.deepEqual(routes("greeter.default:50051"), ["mine", "all"]);
    assert.deepEqual(routes("api.test"), ["all", "other"]);
    assert.equal(sink.services.get("api.test")!.routes[1]!.clusters[0]!.name, "greeter.default:50051");
  });

  it("follows the file, and keeps what it has while the file is wrong", async () => {
    const { source: each, sink, file, lines } = source(`clusters:${GREETER}`);
    await each.start(sink);
    writeFileSync(file, "clusters: [{ name: 5 }]");
    await until(() => lines.some((line) => line.includes("reload refused")));
    assert.ok(sink.services.has("greeter.default:50051"));
    assert.ok(lines.some((line) => line.includes("clusters[0].name")));
    writeFileSync(file, "clusters: [{ name: 'b:1', endpoints: [] }]");
    await until(() => sink.services.has("b:1"));
    await until(() => !sink.services.has("greeter.default:50051"));
    assert.deepEqual(sink.removed, [file], "the file says so: it is meant");
    await each.close();
  });

  for (const [what, text, message] of [
    ["a file with errors", "clusters: 7", /clusters: found 7/],
    [
      "a cluster with tls",
      `clusters:${GREETER}\n    tls: { mode: SIMPLE }`,
      /clusters\[0\]\.tls: .*clear text/,
    ],
  ] as const) {
    it(`refuses ${what} at the start, and says where`, async () => {
      const { source: each, sink } = source(text);
      await assert.rejects(each.start(sink), (error) => {
        assert.ok(error instanceof StaticFileError);
        assert.match(error.message, message);
        return true;
      });
      assert.equal(sink.syncs, 0);
    });
  }

  it("refuses a file that is not there", async () => {
    const log = createLog({ level: "silent" });
    const each = new StaticSource({
      file: join(folder, "nothing.yaml"),
      log,
      lookup: async () => ({ kind: "empty" }),
    });
    await assert.rejects(each.start(new RecordingSink()), /nothing\.yaml: found .*wanted a readable file/);
  });
});
