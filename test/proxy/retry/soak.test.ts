import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { SeededRandom } from "../../../src/base/random.ts";
import { ClusterColumn } from "../../../src/telemetry/cluster-counters.ts";
import { REQUEST_CELLS } from "../../../src/telemetry/request-cell.ts";
import { WorkerColumn } from "../../../src/telemetry/worker-counters.ts";
import { LocalProxy } from "../fixture/local-proxy.ts";
import type { RawStream } from "../fixture/raw-backend.ts";
import { RawBackend } from "../fixture/raw-backend.ts";
import { RawClient } from "../fixture/raw-client.ts";
import { hedging, retriesOf, retrying } from "./retry-settings.ts";
import { lateFailure, trailersOnly } from "./scripted-answer.ts";

const SECONDS = 4;
const RETRIED = "retried.test:1";
const HEDGED = "hedged.test:1";

/** Everything an endpoint may do to a stream, by a draw. */
function misbehave(stream: RawStream, random: SeededRandom): void {
  const { connection, id } = stream;
  const draw = random.nextInt(100);
  if (draw < 60) connection.answer(id, stream.body);
  else if (draw < 68) trailersOnly(stream, 14);
  else if (draw < 72) trailersOnly(stream, 8, { "grpc-retry-pushback-ms": String(random.nextInt(40)) });
  else if (draw < 75) trailersOnly(stream, 14, { "grpc-retry-pushback-ms": "-1" });
  else if (draw < 79) connection.reset(id, 7);
  else if (draw < 83) connection.reset(id, 2);
  else if (draw < 86) lateFailure(stream, 14);
  else if (draw < 87) connection.socket.destroy();
  else if (draw < 88) connection.goaway(Math.max(0, id - 2));
  else if (draw < 94) setTimeout(() => connection.answer(id, stream.body), random.nextInt(120));
  // The others never answer: a limit of time has to end them.
}

describe("retries and hedges under random failures", () => {
  it("finish every stream that began, give whole answers or errors, and leave no octet behind", async () => {
    const random = new SeededRandom(11);
    const proxy = await LocalProxy.start({ slabOctets: 16 * 2 ** 20 });
    const script = {
      onRequest: (stream: RawStream): void => {
        setTimeout(() => misbehave(stream, random), random.nextInt(15));
      },
    };
    const backends = await Promise.all(Array.from({ length: 6 }, () => RawBackend.start(script)));
    const ports = backends.map(({ port }) => port);
    const others = {
      retryBudget: { share: 0.5, minPerSecond: 50 },
      timeouts: { requestMs: 900, idleMs: 700 },
      circuit: { maxRequests: 300, maxRequestsPerEndpoint: 60, maxRequestsPerConnection: 50 },
    };
    const retries = { attempts: 4, perTryTimeoutMs: 90, backoffBaseMs: 10, backoffMaxMs: 40 };
    const reasons = { retryOn: ["reset", "unavailable", "resource-exhausted", "internal"] } as const;
    proxy.apply(ports, { name: RETRIED, settings: retrying({ ...retries, ...reasons }, others) });
    const hedged = { ...others, retries: retriesOf({ ...retries, ...reasons }) };
    proxy.apply(ports, { name: HEDGED, settings: hedging({ attempts: 3, delayMs: 20 }, hedged) });
    const clients = Array.from({ length: 4 }, () => new RawClient(proxy.port));
    const end = performance.now() + SECONDS * 1000;
    let answered = 0;
    let whole = 0;
    let cancelled = 0;
    const caller = async (client: RawClient): Promise<void> => {
      while (performance.now() < end) {
        const name = random.nextInt(2) === 0 ? RETRIED : HEDGED;
        const headers = { ":authority": name, ...(random.nextInt(4) === 0 ? { "grpc-timeout": "60m" } : {}) };
        const body = randomBytes(random.nextInt(20) === 0 ? 90_000 : random.nextInt(2000));
        if (random.nextInt(12) === 0) {
          const stream = client.open(headers, false);
          stream.write(body);
          await sleep(random.nextInt(60));
          stream.close(8);
          cancelled++;
          continue;
        }
        const answer = await client.call(body, headers);
        answered++;
        assert.ok(answer.status >= 0, "every call has a status");
        if (answer.status !== 0) continue;
        whole++;
        assert.ok(answer.body.equals(body), "an answer is the one to this request");
      }
    };
    await Promise.all(clients.flatMap((client) => Array.from({ length: 12 }, () => caller(client))));
    for (const client of clients) client.close();
    await proxy.settled();
    proxy.dataPlane.sample();
    const started = proxy.worker.row(0)[WorkerColumn.streamsStarted]!;
    const finished = [RETRIED, HEDGED]
      .flatMap((name) => [...proxy.row(name).subarray(0, REQUEST_CELLS)])
      .reduce((sum, each) => sum + each);
    assert.equal(finished, started);
    assert.ok(
      answered > 500 && whole > answered * 0.6,
      `${whole} whole of ${answered}, ${cancelled} cancelled`,
    );
    const retried = [RETRIED, HEDGED].map((name) => proxy.row(name)[ClusterColumn.policyRetries + 5]!);
    assert.ok(retried[0]! > 10, `${retried} retries`);
    await proxy.close();
    for (const backend of backends) backend.stop();
  });
});
