import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { LoadConnection } from "../../proxy/fixture/load-connection.ts";
import { ProxyProcess } from "../../proxy/fixture/proxy-process.ts";
import { until } from "../../proxy/fixture/until.ts";
import { WorkerBackend } from "../../proxy/fixture/worker-backend.ts";

const NODE = "node: { id: n1, zone: a, region: r }";
/** On the proxy's node, in its zone, in its region, and elsewhere: two endpoints each. */
const PLACES = [
  "node: n1, zone: a, region: r",
  "zone: a, region: r",
  "zone: b, region: r",
  "zone: c, region: q",
];
const [ON_NODE, IN_ZONE, IN_REGION, ELSEWHERE] = [
  [0, 1],
  [2, 3],
  [4, 5],
  [6, 7],
] as const;
/** What may go further although nothing is amiss: now and then some calls find out how it is there. */
const PROBES = 0.1;

describe("zones in a running proxy", () => {
  let backends: WorkerBackend[];
  let proxy: ProxyProcess;
  let connections: LoadConnection[];

  beforeEach(async () => {
    backends = await Promise.all(Array.from({ length: 8 }, (_, i) => WorkerBackend.start(i)));
  });
  afterEach(async () => {
    for (const connection of connections) connection.close();
    await proxy.terminate("SIGKILL");
    for (const backend of backends) backend.stop();
  });

  /** @returns the endpoints; those with these indexes as `state` says. */
  const endpoints = (bad: readonly number[] = [], state = "health: unhealthy"): string[] =>
    backends.map(({ port }, i) => {
      const more = bad.includes(i) ? `, ${state}` : "";
      return `{ address: "127.0.0.1:${port}", ${PLACES[i >> 1]}${more} }`;
    });

  async function start(locality: string): Promise<void> {
    proxy = await ProxyProcess.start(endpoints(), {
      concurrency: 2,
      more: [NODE],
      loadBalancer: `{ policy: least_request, locality: ${locality} }`,
    });
    connections = await Promise.all([1, 2, 3, 4].map(() => LoadConnection.open(proxy.port)));
  }

  /** Makes calls, two at a time on each connection. @returns calls by backend, and behind them those that failed. */
  async function calls(count: number): Promise<number[]> {
    const counts = new Array<number>(backends.length + 1).fill(0);
    let left = count;
    const loop = (connection: LoadConnection): Promise<void> =>
      new Promise((resolve) => {
        const next = (): void => {
          if (left-- <= 0) return resolve();
          connection.call((first) => {
            counts[first < 0 ? backends.length : first]!++;
            next();
          });
        };
        next();
      });
    await Promise.all([...connections, ...connections].map(loop));
    return counts;
  }

  const shareOf = (counts: readonly number[], among: readonly number[]): number =>
    among.reduce((sum, i) => sum + counts[i]!, 0) / counts.reduce((sum, each) => sum + each);

  /** Waits until these serve all calls but probes, and each of them some. */
  async function becomes(...places: (readonly number[])[]): Promise<void> {
    const wanted = places.flat();
    let counts: number[] = [];
    const isSo = async (): Promise<boolean> => {
      counts = await calls(400);
      return shareOf(counts, wanted) >= 1 - PROBES && wanted.every((i) => counts[i]! > 0);
    };
    await until(`${wanted} serve`, isSo, { limitMs: 30_000, seen: () => counts });
  }

  it("the near ones serve; when they go the next ones do, place after place, and calls come home again", async () => {
    await start("{ distribution: PreferSameNode }");
    await becomes(ON_NODE);
    await proxy.rewrite(endpoints(ON_NODE));
    await becomes(IN_ZONE);
    await proxy.rewrite(endpoints([...ON_NODE, ...IN_ZONE]));
    await becomes(IN_REGION);
    await proxy.rewrite(endpoints([...ON_NODE, ...IN_ZONE, ...IN_REGION]));
    await becomes(ELSEWHERE);
    await proxy.rewrite(endpoints());
    await becomes(ON_NODE);
  });

  it("half of the near ones gone, what they cannot take goes further, by Envoy's formula, and the rest stays", async () => {
    await start("{ distribution: PreferSameZone }");
    await becomes(ON_NODE, IN_ZONE);
    await proxy.rewrite(endpoints(ON_NODE));
    await becomes(IN_ZONE, IN_REGION);
    // 2 of 4 are healthy: 1.4 × 50 % = 70 % at home.
    const counts = await calls(6_000);
    const home = shareOf(counts, IN_ZONE);
    assert.ok(home > 0.7 - PROBES && home < 0.74, `${home} at home: ${counts}`);
  });

  it("endpoints that die are found out by calls, which go further at once, and none fails", async () => {
    await start("{ distribution: PreferSameZone }");
    await becomes(ON_NODE, IN_ZONE);
    for (const i of [...ON_NODE, ...IN_ZONE]) backends[i]!.stop();
    const counts = await calls(400);
    assert.equal(counts[backends.length], 0, "a call failed");
    assert.equal(shareOf(counts, [...ON_NODE, ...IN_ZONE]), 0);
    assert.ok(shareOf(counts, IN_REGION) >= 1 - PROBES, `${counts}`);
  });

  it("strict: nothing at all leaves the place that is nearest, however sick it is", async () => {
    await start("{ distribution: PreferSameZone, strict: true }");
    const here = [...ON_NODE, ...IN_ZONE];
    await becomes(here);
    assert.equal(shareOf(await calls(1_000), here), 1);
    await proxy.rewrite(endpoints(ON_NODE));
    await until("those that are well serve alone", async () => shareOf(await calls(200), IN_ZONE) === 1, {
      limitMs: 30_000,
    });
    const others = endpoints().slice(here.length);
    for (const i of here) backends[i]!.stop();
    const counts = await calls(100);
    assert.equal(counts[backends.length], 100, `${counts}`);
    // Without endpoints here the next place is the nearest.
    await proxy.rewrite(others);
    await becomes(IN_REGION);
    assert.equal(shareOf(await calls(200), IN_REGION), 1);
  });
});

describe("a zone that is asked for more than it can do", () => {
  let near: WorkerBackend;
  let far: WorkerBackend;
  let proxy: ProxyProcess;
  let connections: LoadConnection[];

  afterEach(async () => {
    for (const connection of connections) connection.close();
    await proxy.terminate("SIGKILL");
    for (const backend of [near, far]) backend.stop();
  });

  it("loses the excess before it has answered anything", async () => {
    // Four calls in five seconds, of a thousand in two.
    near = await WorkerBackend.start(0, 5_000, 4);
    far = await WorkerBackend.start(1);
    const endpoints = [
      `{ address: "127.0.0.1:${near.port}", zone: a, region: r }`,
      `{ address: "127.0.0.1:${far.port}", zone: b, region: r }`,
    ];
    proxy = await ProxyProcess.start(endpoints, { concurrency: 2, more: [NODE] });
    connections = await Promise.all([1, 2, 3, 4].map(() => LoadConnection.open(proxy.port)));
    for (let round = 0; round < 100; round++) {
      for (let n = 0; n < 10; n++) connections[n % 4]!.call(() => {});
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await until("all calls arrived", async () => near.calls + far.calls === 1_000);
    assert.ok(near.calls >= 4 && near.calls < 400, `${near.calls} of 1,000 stayed`);
  });
});
