import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { monotonicClock } from "../../src/base/clock.ts";
import { SeededRandom } from "../../src/base/random.ts";
import { parseConfig } from "../../src/config/parse-config.ts";
import { createAddressLookup } from "../../src/discovery/address-lookup.ts";
import { Discovery } from "../../src/discovery/discovery.ts";
import type { Cluster } from "../../src/resource/cluster.ts";
import { DnsServer, ResponseCode } from "./dns-server.ts";

const server = new DnsServer();
let serverAddress: string;
before(async () => {
  serverAddress = await server.start();
});
after(() => server.stop());
afterEach(() => discovery?.stop());

let discovery: Discovery | undefined;

/** Discovery with a sink that writes down what it gets: `name=address,…`, `-name`, `complete`. */
function discover() {
  const seen: string[] = [];
  const troubles: string[] = [];
  discovery = new Discovery({
    sink: {
      upsert: (cluster: Cluster) =>
        seen.push(`${cluster.name}=${cluster.endpoints.map((e) => e.address).join(",")}`),
      remove: (name) => seen.push(`-${name}`),
      complete: () => seen.push("complete"),
    },
    lookup: createAddressLookup([serverAddress]),
    clock: monotonicClock,
    random: new SeededRandom(1),
    onTrouble: (name, reason) => troubles.push(`${name}: ${reason}`),
  });
  return { discovery, seen, troubles };
}

function configWith(clusters: string) {
  const text = `listeners: [{ name: a, address: 127.0.0.1:1 }]\nclusters: [${clusters}]`;
  const { config, problems } = parseConfig(text, { file: "f", env: {} });
  assert.deepEqual(problems, undefined);
  return config!;
}

const FROM_DNS =
  "{ name: d, dns: { hostname: d.test, port: 7, refreshMs: 100, maxStaleMs: 600, emptyHoldMs: 300 } }";

async function eventually(check: () => boolean): Promise<void> {
  for (let i = 0; i < 300 && !check(); i++) await sleep(20);
  assert.ok(check());
}

test("clusters of the file are given as they are, and removed when they are gone", async () => {
  const { discovery, seen } = discover();
  await discovery.apply(
    configWith(
      "{ name: a, endpoints: [{ address: 10.0.0.1:1 }, { address: '[fd00::1]:1' }] }, { name: b, endpoints: [] }",
    ),
  );
  await discovery.apply(configWith("{ name: b, endpoints: [{ address: 10.0.0.2:1 }] }"));
  assert.deepEqual(seen, ["a=10.0.0.1,fd00::1", "b=", "complete", "b=10.0.0.2", "-a", "complete"]);
});

test("a cluster from DNS is known at once, complete after its first answer, and follows changes", async () => {
  const { discovery, seen } = discover();
  server.reply = { kind: "addresses", ipv4: ["10.0.0.2", "10.0.0.1"], ttlSeconds: 1 };
  await discovery.apply(configWith(FROM_DNS));
  assert.deepEqual(seen, ["d=", "d=10.0.0.1,10.0.0.2", "complete"]);
  server.reply = { kind: "addresses", ipv4: ["10.0.0.3"], ttlSeconds: 0 };
  await eventually(() => seen.at(-1) === "d=10.0.0.3");
});

test("the last good answer is kept while the server fails, no longer than maxStaleMs, and trouble is told", async () => {
  const { discovery, seen, troubles } = discover();
  server.reply = { kind: "addresses", ipv4: ["10.0.0.1"], ttlSeconds: 0 };
  await discovery.apply(configWith(FROM_DNS));
  server.reply = { kind: "code", code: ResponseCode.serverFailure };
  const failedAtMs = performance.now();
  await eventually(() => troubles.at(-1) === "d: lookup failed (ESERVFAIL)");
  assert.equal(seen.at(-2), "d=10.0.0.1");
  await eventually(() => seen.at(-1) === "d=");
  assert.ok(performance.now() - failedAtMs >= 500);
  server.reply = { kind: "addresses", ipv4: ["10.0.0.9"], ttlSeconds: 0 };
  await eventually(() => seen.at(-1) === "d=10.0.0.9" && troubles.at(-1) === "d: ");
});

test("an empty answer is believed when it persists", async () => {
  const { discovery, seen, troubles } = discover();
  server.reply = { kind: "addresses", ipv4: ["10.0.0.1"], ttlSeconds: 0 };
  await discovery.apply(configWith(FROM_DNS));
  server.reply = { kind: "code", code: ResponseCode.nameError };
  await eventually(() => troubles.at(-1) === "d: no addresses in the answer, held back");
  assert.equal(seen.at(-2), "d=10.0.0.1");
  await eventually(() => seen.at(-1) === "d=");
});

test("a server that does not answer at first delays nothing but completeness", async () => {
  const { discovery, seen, troubles } = discover();
  server.reply = { kind: "code", code: ResponseCode.serverFailure };
  await discovery.apply(configWith(FROM_DNS));
  assert.deepEqual(seen, ["d=", "d=", "complete"]);
  assert.deepEqual(troubles, ["d: lookup failed (ESERVFAIL)"]);
});

test("a reload keeps the addresses of a name that stays, and takes new knobs over", async () => {
  const { discovery, seen } = discover();
  server.reply = { kind: "addresses", ipv4: ["10.0.0.1"], ttlSeconds: 60 };
  await discovery.apply(configWith(FROM_DNS));
  server.reply = { kind: "code", code: ResponseCode.serverFailure };
  await discovery.apply(configWith(FROM_DNS.replace("port: 7", "port: 8")));
  assert.deepEqual(seen.slice(3), ["d=10.0.0.1", "complete"]);
});

test("a cluster that moves from the file to DNS keeps its endpoints until the first answer", async () => {
  const { discovery, seen } = discover();
  server.reply = { kind: "addresses", ipv4: ["10.0.0.1"], ttlSeconds: 60 };
  await discovery.apply(configWith("{ name: d, endpoints: [{ address: 10.0.0.7:7 }] }"));
  await discovery.apply(configWith(FROM_DNS));
  assert.deepEqual(seen, ["d=10.0.0.7", "complete", "d=10.0.0.1", "complete"]);
});

test("a cluster that is gone is looked up no more", async () => {
  const { discovery } = discover();
  server.reply = { kind: "addresses", ipv4: ["10.0.0.1"], ttlSeconds: 0 };
  await discovery.apply(configWith(FROM_DNS));
  await discovery.apply(configWith(""));
  const { questions } = server;
  await sleep(300);
  assert.equal(server.questions, questions);
});
