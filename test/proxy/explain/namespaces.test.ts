import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import type { ExplainAnswer } from "../../../src/proxy/explain/explain-text.ts";
import { callingPod } from "../callers/fixture/calling-pod.ts";
import { GrpcBackend } from "../fixture/grpc-backend.ts";
import { LocalProxy } from "../fixture/local-proxy.ts";
import { answerOf, RawClient } from "../fixture/raw-client.ts";

const ANY_IP = { ipv4: "127.18.0.0/16", ipv6: "fd00:77::/64" };
const POD = "127.0.1.5";
const OWN = { name: "echo.shop:50051", address: "127.18.0.1" };
const FOREIGN = { name: "echo.bank:50051", address: "127.18.0.2" };
const DOOR = "127.18.255.1";
const HEADER = "x-isobar-explain";

describe("a captured pod that asks how its request was picked for", () => {
  let proxy: LocalProxy;
  let backends: GrpcBackend[];
  const clients: RawClient[] = [];

  before(async () => {
    proxy = await LocalProxy.start({ anyIp: ANY_IP });
    backends = await Promise.all([GrpcBackend.start(), GrpcBackend.start(), GrpcBackend.start()]);
    const added = [OWN, FOREIGN].map(({ name }, i) => ({ number: 1 + i, service: name }));
    // The third endpoint is left out, and so would be named.
    const endpoints = backends.map(({ port }, i) =>
      i === 2 ? { port, health: "unhealthy" as const } : port,
    );
    for (const { name } of [OWN, FOREIGN]) proxy.apply(endpoints, { name });
    proxy.dataPlane.reception.applyServices({ added, removed: [] });
    proxy.applyCallers([callingPod("u1", "shop", POD)]);
  });
  after(async () => {
    for (const client of clients) client.close();
    for (const backend of backends) backend.stop();
    await proxy.close();
  });
  beforeEach(() =>
    proxy.dataPlane.explain.configure({ sample: 0, ring: 64, allowedSources: ["127.0.0.0/8"] }),
  );

  async function ask(host: string, authority: string): Promise<string> {
    const client = new RawClient(proxy.port, {}, POD, host);
    clients.push(client);
    const stream = client.open({ ":authority": authority, [HEADER]: "1" });
    stream.end(Buffer.alloc(5));
    const { status, headers } = await answerOf(stream);
    assert.equal(status, 0);
    return String(headers[HEADER] ?? "");
  }
  /** @returns ports of the endpoints that a text names. */
  const named = (text: string): number[] =>
    backends.map(({ port }) => port).filter((port) => text.includes(`127.0.0.1:${port}`));

  it("is told all of its own namespace's service", async () => {
    for (const [host, authority] of [
      [OWN.address, "whatever"],
      [DOOR, "echo:50051"],
    ] as const) {
      const text = await ask(host, authority);
      const answer = JSON.parse(text) as ExplainAnswer;
      assert.equal(answer.cluster, OWN.name);
      assert.equal(answer.isForeign, undefined);
      assert.equal(answer.picks[0]!.drawn.length, 2);
      assert.equal(named(text).length, 3);
    }
  });

  it("is told of another namespace's service where its request went, but no other endpoint and nobody's load", async () => {
    for (const [host, authority] of [
      [FOREIGN.address, OWN.name],
      [DOOR, FOREIGN.name],
    ] as const) {
      const text = await ask(host, authority);
      const answer = JSON.parse(text) as ExplainAnswer;
      assert.equal(answer.cluster, FOREIGN.name);
      assert.equal(answer.isForeign, true);
      assert.deepEqual(answer.leftOut, { "unhealthy, says discovery": 1 });
      assert.equal(answer.picks[0]!.candidates, 2);
      assert.deepEqual(named(text), [Number(answer.endpoint.split(":")[1])]);
      assert.doesNotMatch(text, /"load"|"inFlight"|"own"/);
    }
  });

  it("is told nothing where it may not ask", async () => {
    proxy.dataPlane.explain.configure({ sample: 0, ring: 64, allowedSources: [] });
    assert.equal(await ask(OWN.address, OWN.name), "");
    assert.equal(await ask(DOOR, FOREIGN.name), "");
  });
});
