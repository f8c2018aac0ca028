import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { Server } from "node:http";
import { Agent, createServer, get } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { buildTiers } from "../../../src/lb/build-tiers.ts";
import { ClusterSnapshot } from "../../../src/resource/cluster-snapshot.ts";
import { encodeClusterSnapshot } from "../../../src/resource/encode-cluster-snapshot.ts";
import { SlotRegistry } from "../../../src/resource/slot-registry.ts";
import { cluster, endpoint } from "../../resource/cluster-builder.ts";
import { installEnvoy } from "./install-envoy.ts";

/** Healthy and all endpoints by priority. */
type Levels = readonly (readonly [number, number])[];

const CASES: Readonly<Record<string, Levels>> = {
  "everything is healthy": [
    [5, 5],
    [5, 5],
  ],
  "a few are sick, and the rest is enough": [
    [8, 10],
    [5, 5],
  ],
  "half of the first level is sick": [
    [5, 10],
    [5, 5],
  ],
  "a quarter of the first level is left": [
    [2, 8],
    [6, 6],
  ],
  "the first level is gone": [
    [0, 5],
    [5, 5],
  ],
  "all levels together are short, the first one panics": [
    [1, 5],
    [3, 6],
  ],
  "three levels": [
    [1, 4],
    [2, 6],
    [4, 4],
  ],
  "too few are healthy anywhere": [
    [1, 4],
    [2, 10],
  ],
  "none is healthy": [
    [0, 4],
    [0, 12],
  ],
};
const REQUESTS = 6_000;
const AT_ONCE = 32;
/** Tolerated difference of a share, in points of a hundred: the issue of chance and of Envoy's whole percents. */
const POINTS = 3;
const MOST_ENDPOINTS = 16;

const envoy = installEnvoy();

describe("Envoy, given the same endpoints as priorities", {
  skip: "missing" in envoy && envoy.missing,
}, () => {
  const folder = mkdtempSync(join(tmpdir(), "isobar-envoy-"));
  const backends: Server[] = [];
  const served = new Float64Array(MOST_ENDPOINTS);
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  let child: ChildProcess | undefined;
  let port = 0;

  before(async () => {
    for (let i = 0; i < MOST_ENDPOINTS; i++) {
      const server = createServer((_request, response) => {
        served[i]!++;
        response.end();
      });
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      backends.push(server);
    }
    const probe = createServer().listen(0, "127.0.0.1");
    await once(probe, "listening");
    port = (probe.address() as AddressInfo).port;
    probe.close();
    await once(probe, "close");
    const path = join(folder, "envoy.json");
    writeFileSync(
      path,
      JSON.stringify(
        envoyConfig(
          port,
          backends.map((server) => (server.address() as AddressInfo).port),
        ),
      ),
    );
    if ("missing" in envoy) return;
    const args = ["-c", path, "--concurrency", "1", "--use-dynamic-base-id", "--log-level", "error"];
    child = spawn(envoy.program, args, { stdio: "ignore" });
    await untilAnswered(`http://127.0.0.1:${port}/0`, agent);
  });

  after(async () => {
    if (child !== undefined && child.exitCode === null) {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    agent.destroy();
    for (const server of backends) {
      server.closeAllConnections();
      server.close();
    }
    rmSync(folder, { recursive: true });
  });

  for (const [index, [name, levels]] of Object.entries(CASES).entries()) {
    test(`shares load out as we do within ${POINTS} points when ${name}`, async () => {
      served.fill(0);
      await send(`http://127.0.0.1:${port}/${index}`, agent);
      let from = 0;
      const theirs = levels.map(([, total]) => {
        const sum = served.slice(from, from + total).reduce((a, b) => a + b, 0);
        from += total;
        return (100 * sum) / REQUESTS;
      });
      const ours = ownShares(levels);
      const told = `Envoy ${theirs.map((share) => share.toFixed(1))}, Isobar ${ours.map((share) => share.toFixed(1))}`;
      assert.ok(
        theirs.every((share, i) => Math.abs(share - ours[i]!) <= POINTS),
        told,
      );
      // And within a level: whether sick endpoints get any.
      const sickServed = isSickServed(levels, served);
      assert.deepEqual(sickServed, isSickACandidate(levels), told);
    });
  }
});

/** Percent by level, as the product has it. */
function ownShares(levels: Levels): number[] {
  const { tiers, shares } = builtOf(levels);
  return levels.map((_, priority) => {
    const tier = tiers.findIndex((candidates) => candidates.priority === priority);
    return tier < 0 ? 0 : 100 * shares[tier]!;
  });
}

function isSickACandidate(levels: Levels): boolean[] {
  const { tiers, shares } = builtOf(levels);
  return levels.map((_, priority) => {
    const tier = tiers.findIndex((candidates) => candidates.priority === priority);
    const [healthy, total] = levels[priority]!;
    return tier >= 0 && shares[tier]! > 0 && total > healthy && tiers[tier]!.count === total;
  });
}

function isSickServed(levels: Levels, served: Float64Array): boolean[] {
  let from = 0;
  return levels.map(([healthy, total]) => {
    const sick = served.slice(from + healthy, from + total);
    from += total;
    return sick.some((count) => count > 0);
  });
}

function builtOf(levels: Levels) {
  let n = 0;
  const endpoints = levels.flatMap(([healthy, total], priority) =>
    Array.from({ length: total }, (_, i) =>
      endpoint(n++, { priority, health: i < healthy ? "healthy" : "unhealthy" }),
    ),
  );
  const source = cluster(endpoints);
  const slots = new SlotRegistry({ workerCount: 1 }).assign(source);
  const snapshot = new ClusterSnapshot(encodeClusterSnapshot(source, slots));
  return buildTiers(snapshot, { node: "", zone: "zone-a", region: "" }, () => 0);
}

async function send(url: string, agent: Agent): Promise<void> {
  let left = REQUESTS;
  const one = async (): Promise<void> => {
    while (left-- > 0) assert.equal(await statusOf(url, agent), 200);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
}

function statusOf(url: string, agent: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    get(url, { agent }, (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode ?? 0));
    }).on("error", reject);
  });
}

async function untilAnswered(url: string, agent: Agent): Promise<void> {
  const endMs = Date.now() + 20_000;
  for (;;) {
    const status = await statusOf(url, agent).catch(() => 0);
    if (status === 200) return;
    assert.ok(Date.now() < endMs, "Envoy did not answer within 20 s");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A route and a cluster per case: `/0`, `/1` … */
function envoyConfig(port: number, ports: readonly number[]): unknown {
  const levelsOf = Object.values(CASES);
  const manager = {
    "@type":
      "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
    stat_prefix: "in",
    route_config: {
      virtual_hosts: [
        {
          name: "all",
          domains: ["*"],
          routes: levelsOf.map((_, i) => ({ match: { path: `/${i}` }, route: { cluster: `c${i}` } })),
        },
      ],
    },
    http_filters: [
      {
        name: "router",
        typed_config: { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
      },
    ],
  };
  return {
    static_resources: {
      listeners: [
        {
          address: { socket_address: { address: "127.0.0.1", port_value: port } },
          filter_chains: [{ filters: [{ name: "http", typed_config: manager }] }],
        },
      ],
      clusters: levelsOf.map((levels, i) => ({
        name: `c${i}`,
        type: "STATIC",
        connect_timeout: "1s",
        lb_policy: "RANDOM",
        load_assignment: { cluster_name: `c${i}`, endpoints: localities(levels, ports) },
      })),
    },
  };
}

function localities(levels: Levels, ports: readonly number[]): unknown[] {
  let n = 0;
  return levels.map(([healthy, total], priority) => ({
    priority,
    lb_endpoints: Array.from({ length: total }, (_, i) => ({
      health_status: i < healthy ? "HEALTHY" : "UNHEALTHY",
      endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: ports[n++] } } },
    })),
  }));
}
