import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { AskedAuthorities } from "../../src/proxy/authorities/asked-authorities.ts";
import { AuthorityState } from "../../src/proxy/authorities/authority-news.ts";
import { PROXY_ERRORS } from "../../src/proxy/proxy-error.ts";
import { LocalProxy } from "./fixture/local-proxy.ts";
import { RawBackend } from "./fixture/raw-backend.ts";
import { RawClient } from "./fixture/raw-client.ts";
import { until } from "./fixture/until.ts";

const BODY = Buffer.from("some body");
const WAIT_MS = 300;

describe("requests for authorities that a control plane may know", () => {
  let proxy: LocalProxy;
  let backend: RawBackend;
  let client: RawClient;
  let asked: AskedAuthorities;
  let names: string[] = [];
  const bodies: string[] = [];
  let sweeps: NodeJS.Timeout;

  before(async () => {
    proxy = await LocalProxy.start();
    asked = proxy.dataPlane.askFor({ waitMs: WAIT_MS, ask: (authority) => names.push(authority) });
    sweeps = setInterval(() => asked.sweep(), 50);
    backend = await RawBackend.start({
      onRequest: ({ connection, id, body }) => {
        bodies.push(body.toString());
        connection.answer(id);
      },
    });
    proxy.apply([backend.port], { name: "canonical:1" });
    client = new RawClient(proxy.port);
  });
  after(async () => {
    clearInterval(sweeps);
    client.close();
    await proxy.close();
    backend.stop();
  });
  beforeEach(() => {
    names = [];
    bodies.length = 0;
  });

  const call = (authority: string, headers = {}) =>
    client.call(BODY, { ":authority": authority, ...headers });
  const slot = 0;

  it("wait for word, and go on with their bodies; one question is asked for all of them", async () => {
    const calls = [call("Svc.Default:1"), call("svc.default:1")];
    await until("asked", () => names.length > 0);
    await sleep(20);
    asked.apply([{ authority: "svc.default:1", clusterSlot: slot }]);
    for (const answer of await Promise.all(calls)) assert.equal(answer.status, 0, answer.message);
    assert.deepEqual(names, ["svc.default:1"]);
    assert.deepEqual(bodies, ["some body", "some body"]);
    assert.equal((await call("svc.default:1")).status, 0, "what is known costs no question");
    assert.equal(names.length, 1);
  });

  it("end at once when the service does not exist, and are not asked for again for a while", async () => {
    const first = call("nobody:1");
    await until("asked", () => names.length > 0);
    asked.apply([{ authority: "nobody:1", clusterSlot: AuthorityState.absent }]);
    assert.equal((await first).status, PROXY_ERRORS.noRoute.grpcStatus);
    assert.equal((await call("nobody:1")).status, PROXY_ERRORS.noRoute.grpcStatus);
    assert.deepEqual(names, ["nobody:1"]);
  });

  it("end when nobody answers, and the next one asks again", async () => {
    const answer = await call("silent:1");
    assert.equal(answer.status, PROXY_ERRORS.authorityUnknownYet.grpcStatus);
    const again = call("silent:1");
    await until("asked again", () => names.length === 2);
    await again;
  });

  it("keep the client's deadline and leave when the client does", async () => {
    const late = await call("late:1", { "grpc-timeout": "30m" });
    assert.equal(late.status, PROXY_ERRORS.deadline.grpcStatus);
    const leaver = new RawClient(proxy.port);
    void leaver.call(BODY, { ":authority": "left:1" }).catch(() => undefined);
    await until("asked", () => names.includes("left:1"));
    leaver.close();
    await until("gone", () => proxy.dataPlane.streams === 0);
    asked.apply([{ authority: "left:1", clusterSlot: slot }]);
  });

  it("are asked for again after they were forgotten", async () => {
    asked.apply([{ authority: "svc.default:1", clusterSlot: AuthorityState.forgotten }]);
    const again = call("svc.default:1");
    await until("asked", () => names.length === 1);
    asked.apply([{ authority: "svc.default:1", clusterSlot: slot }]);
    assert.equal((await again).status, 0);
    assert.equal(
      (await call("canonical:1")).status,
      0,
      "the cluster's own name is not forgotten with the alias",
    );
  });

  it("are not asked for if the name is none", async () => {
    for (const authority of ["-:1", "..:1", "a:123456"]) {
      assert.equal((await call(authority)).status, PROXY_ERRORS.noRoute.grpcStatus, authority);
    }
    assert.deepEqual(names, []);
  });

  it("may be many of one caller, if they are for few names", async () => {
    const codes: number[] = [];
    // No connection may have so many streams.
    const clients = [new RawClient(proxy.port), new RawClient(proxy.port)];
    const calls = Array.from({ length: 1_100 }, async (_, i) => {
      codes.push((await clients[i % 2]!.call(BODY, { ":authority": `few-${i % 10}:1` })).status);
    });
    await until("what is too much is refused", () => codes.length === 76, { limitMs: 10_000 });
    asked.apply(names.map((authority) => ({ authority, clusterSlot: slot })));
    await Promise.all(calls);
    assert.equal(codes.filter((code) => code === 0).length, 1_024);
    assert.equal(codes.filter((code) => code === PROXY_ERRORS.authorityOverflow.grpcStatus).length, 76);
    for (const each of clients) each.close();
  });

  it("may not take all the room there is, if they are one caller's", async () => {
    const calls = Array.from({ length: 280 }, (_, i) => call(`new-${i}:1`));
    const codes = (await Promise.all(calls)).map(({ status }) => status);
    const refused = codes.filter((code) => code === PROXY_ERRORS.authorityOverflow.grpcStatus).length;
    assert.equal(names.length, 256);
    assert.equal(refused, 24);
  });
});
