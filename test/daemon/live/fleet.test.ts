import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { LoadConnection } from "../../proxy/fixture/load-connection.ts";
import { ProxyProcess } from "../../proxy/fixture/proxy-process.ts";
import { RawBackend } from "../../proxy/fixture/raw-backend.ts";
import { until } from "../../proxy/fixture/until.ts";
import { WorkerBackend } from "../../proxy/fixture/worker-backend.ts";

const BACKENDS = 12;
const NODES = 6;
const SUBSET = "{ enabled: true, minEndpoints: 2, coverage: 2 }";
/** `minEndpoints`, and more than twice what is usual: 2 × 12 endpoints / 6 proxies. */
const [LEAST, MOST] = [2, 9] as const;

const fleetOf = (index: number, count: number): string[] => [
  `fleet: { nodeIndex: ${index}, nodeCount: ${count} }`,
];

describe("the slice of one proxy of a fleet", () => {
  let backends: WorkerBackend[];
  let proxy: ProxyProcess;
  let connections: LoadConnection[] = [];
  const ports = (): number[] => backends.map(({ port }) => port);

  beforeEach(async () => {
    backends = await Promise.all(Array.from({ length: BACKENDS }, (_, i) => WorkerBackend.start(i)));
    proxy = await ProxyProcess.start(ports(), {
      concurrency: 2,
      more: fleetOf(0, NODES),
      loadBalancer: `{ policy: least_request, subset: ${SUBSET} }`,
    });
    connections = await Promise.all([1, 2].map(() => LoadConnection.open(proxy.port)));
  });
  afterEach(async () => {
    for (const connection of connections) connection.close();
    await proxy.terminate("SIGKILL");
    for (const backend of backends) backend.stop();
  });

  /** One call at a time, so that no endpoint is busy with calls of this proxy. @returns who served. */
  async function slice(): Promise<number[]> {
    const served = new Set<number>();
    for (let i = 0; i < 500; i++) {
      const connection = connections[i % connections.length]!;
      served.add(await new Promise<number>((resolve) => connection.call(resolve)));
    }
    return [...served].sort((a, b) => a - b);
  }

  /** @returns the slice after the fleet has become this, which both threads know. */
  async function sliceOf(index: number, count: number, before: readonly number[]): Promise<number[]> {
    await proxy.rewrite(ports(), { more: fleetOf(index, count) });
    let seen: number[] = [];
    const hasSettled = async (): Promise<boolean> => {
      const last = seen.join();
      seen = await slice();
      return seen.join() !== before.join() && seen.join() === last;
    };
    await until("the slice has changed, for good", hasSettled, { limitMs: 30_000, seen: () => seen });
    return seen;
  }

  it("is a part of the endpoints, another one for each index, and all slices cover all endpoints twice", async () => {
    const slices = [await slice()];
    for (let index = 1; index < NODES; index++) slices.push(await sliceOf(index, NODES, slices[index - 1]!));
    for (const each of slices) {
      assert.ok(each.length >= LEAST && each.length <= MOST, slices.join(" | "));
      assert.ok(!each.includes(-1), "a call failed");
    }
    for (let i = 0; i < BACKENDS; i++) {
      const times = slices.filter((each) => each.includes(i)).length;
      assert.ok(times >= 2, `endpoint ${i} is in ${times} slices: ${slices.join(" | ")}`);
    }
    // Back where it was: the slice follows from index and count alone.
    assert.deepEqual(await sliceOf(0, NODES, slices[NODES - 1]!), slices[0]);
  });

  it("becomes everything when the others go, and a slice again when they come back, live", async () => {
    const before = await slice();
    const alone = await sliceOf(0, 1, before);
    assert.equal(alone.length, BACKENDS);
    assert.deepEqual(await sliceOf(0, NODES, alone), before);
  });

  it("stands when an endpoint goes that is not in it, and takes in the next one when one of its own does", async () => {
    const before = await slice();
    const foreign = backends.findIndex((_, i) => !before.includes(i));
    const left = ports().filter((_, i) => i !== foreign);
    await proxy.rewrite(left);
    await until("it is gone", async () => (await proxy.endpoints()).length === BACKENDS - 1, {
      limitMs: 30_000,
    });
    const after = await slice();
    const moved =
      before.filter((i) => !after.includes(i)).length + after.filter((i) => !before.includes(i)).length;
    assert.ok(moved <= 2, `${before} became ${after}`);
    await proxy.rewrite(ports().filter((_, i) => i !== before[0]));
    await until("it is gone from the slice", async () => !(await slice()).includes(before[0]!), {
      limitMs: 30_000,
    });
    const last = await slice();
    assert.ok(last.length >= LEAST - 1 && last.length <= MOST && !last.includes(-1), `${last}`);
  });
});

describe("a burst of one proxy of a fleet", () => {
  const BURST = 48;

  it("goes beyond the slice and is spread over all endpoints, and afterwards calls stay in the slice again", async () => {
    const backends = await Promise.all(
      Array.from({ length: BACKENDS }, (_, i) => WorkerBackend.start(i, 200, BURST)),
    );
    const proxy = await ProxyProcess.start(
      backends.map(({ port }) => port),
      { more: fleetOf(0, NODES), loadBalancer: `{ policy: least_request, subset: ${SUBSET} }` },
    );
    const connection = await LoadConnection.open(proxy.port);
    /** @returns how many of calls that are all open at once each endpoint got. */
    const together = async (count: number): Promise<number[]> => {
      const served = new Array<number>(BACKENDS).fill(0);
      const call = (): Promise<number> => new Promise((resolve) => connection.call(resolve));
      for (const index of await Promise.all(Array.from({ length: count }, call))) {
        assert.ok(index >= 0, "a call failed");
        served[index]!++;
      }
      return served;
    };
    const used = (served: readonly number[]): number[] =>
      served.flatMap((calls, i) => (calls > 0 ? [i] : []));
    try {
      const slice = new Set<number>();
      for (let i = 0; i < 16; i++) for (const index of used(await together(1))) slice.add(index);
      assert.ok(slice.size <= MOST, `${[...slice]}`);
      const burst = await together(BURST);
      // Even would be 4 each; a slice that keeps all to itself would have 10 or more.
      assert.ok(used(burst).length >= BACKENDS - 2, `${burst}`);
      assert.ok(Math.max(...burst) <= 8, `${burst}`);
      for (let i = 0; i < 16; i++) {
        for (const index of used(await together(1))) slice.add(index);
      }
      assert.ok(slice.size <= MOST, `${[...slice]}`);
    } finally {
      connection.close();
      await proxy.terminate("SIGKILL");
      for (const backend of backends) backend.stop();
    }
  });
});

describe("health checks by one proxy of a fleet", () => {
  it("are of its slice alone, and follow it at once when it grows because most of it is sick", async () => {
    const backends = await Promise.all(Array.from({ length: BACKENDS }, () => RawBackend.start()));
    const check =
      "{ intervalSeconds: 1, timeoutSeconds: 1, unhealthyThreshold: 1, healthyThreshold: 1, tcpSocket: {} }";
    const proxy = await ProxyProcess.start(
      backends.map(({ port }) => port),
      {
        more: fleetOf(0, NODES),
        loadBalancer: `{ policy: least_request, subset: ${SUBSET} }`,
        cluster: [`healthCheck: ${check}`],
      },
    );
    const isAsked = (): boolean[] => backends.map(({ connections }) => connections.length > 0);
    const asked = (): number[] => isAsked().flatMap((each, i) => (each ? [i] : []));
    try {
      await until("the slice is asked", () => asked().length >= LEAST, { limitMs: 30_000 });
      // Long enough for every endpoint to have been asked, if it were to be.
      await sleep(2_500);
      const slice = asked();
      assert.ok(slice.length <= MOST, `${slice}`);
      for (const i of slice) backends[i]!.stop();
      await until("others are asked too", () => asked().length > slice.length, {
        limitMs: 30_000,
        seen: () => asked(),
      });
      assert.ok(asked().length < BACKENDS, "a slice, still");
    } finally {
      await proxy.terminate("SIGKILL");
      for (const backend of backends) backend.stop();
    }
  });
});
