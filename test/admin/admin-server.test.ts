import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import type { IncomingHttpHeaders } from "node:http";
import { request } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { AdminServer } from "../../src/admin/admin-server.ts";
import type { AdminView } from "../../src/admin/admin-view.ts";

let notReady: string | undefined;
let drains = 0;
const view: AdminView = {
  notReadyReason: () => notReady,
  stats: () => ({ "cluster.a.requests": 3, uptime_seconds: 1 }),
  clusters: () => [
    {
      name: "a:1",
      policy: "random",
      slot: 4,
      contentHash: "00ff",
      trouble: "",
      balancedPerConnection: 3,
      endpoints: [
        {
          address: "10.0.0.1:1",
          zone: "",
          weight: 2,
          health: "draining",
          slot: 7,
          generation: 2,
          inFlight: 5,
          requests: 6,
          errors: 1,
          setAside: true,
          setAsideFor: ["connect", "health_check"],
        },
      ],
    },
  ],
  status: async () => ({
    format: 1,
    atMs: 1,
    node: "n1",
    version: "0",
    uptimeSeconds: 1,
    residentOctets: 1,
    notReady: "",
    capture: null,
    controlPlane: null,
    services: [],
  }),
  routes: () => ({
    version: "0f",
    routes: [
      {
        name: "canary",
        authorities: ["a:1"],
        clusters: [
          { name: "a:1", weight: 99, requests: 990 },
          { name: "b:1", weight: 1, requests: 10 },
        ],
      },
      { name: "rest", authorities: ["*"], clusters: [{ name: "", weight: 1, requests: 5 }] },
    ],
  }),
  capture: () => undefined,
  controlPlane: () => ({ connected: true }),
  releaseHeldBack: (cluster) => ({ ok: true, message: `released ${cluster}` }),
  configDump: () => ({ config: { concurrency: 1 } }),
  explain: async ({ cluster, namespace, last }) => ({
    node: "node-1",
    sample: 0.01,
    clusters:
      cluster === "" && namespace !== "bank"
        ? [{ name: "a:1", policy: "random", endpoints: 1, recorded: last }]
        : [],
    cluster:
      cluster === "a:1"
        ? {
            name: "a:1",
            policy: "random",
            metric: "in_flight",
            snapshot: "00ff",
            workers: [{ worker: 0, tiers: [{ tier: "zone", share: 0.925, candidates: 1 }] }],
            endpoints: [],
          }
        : null,
    picks: [],
  }),
  explainDump: async () => Uint8Array.of(1, 2, 255),
  drain: () => {
    drains++;
    return { ok: true, message: "draining" };
  },
  setLogLevel: (level) => ({ ok: level === "debug", message: `level ${level}` }),
};

const server = new AdminServer(view);
let port: number;
before(async () => {
  port = await server.listen({ kind: "ip", host: "127.0.0.1", port: 0 });
});
after(() => server.close());

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: IncomingHttpHeaders;
}

function ask(
  method: string,
  path: string,
  headers: Record<string, string> = {},
  socketPath?: string,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const where = socketPath === undefined ? { host: "127.0.0.1", port } : { socketPath };
    const sent = request({ ...where, method, path, headers, agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (part) => (body += part));
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, body, headers: response.headers }),
      );
    });
    sent.on("error", reject).end();
  });
}

test("/ready says why not", async () => {
  notReady = "waiting for the first snapshot";
  const waiting = await ask("GET", "/ready");
  assert.deepEqual([waiting.status, waiting.body], [503, "not ready: waiting for the first snapshot\n"]);
  notReady = undefined;
  const ready = await ask("GET", "/ready");
  assert.deepEqual([ready.status, ready.body], [200, "ready\n"]);
});

test("what only shows answers GET and HEAD", async () => {
  assert.equal((await ask("GET", "/healthz")).body, "ok\n");
  const head = await ask("HEAD", "/healthz");
  assert.deepEqual([head.status, head.body, head.headers["content-length"]], [200, "", "3"]);
  for (const path of ["/ready", "/healthz", "/stats", "/clusters", "/config_dump"]) {
    const refused = await ask("POST", path);
    assert.deepEqual([refused.status, refused.headers.allow], [405, "GET, HEAD"], path);
  }
});

test("what acts answers POST only", async () => {
  for (const method of ["GET", "HEAD", "PUT", "DELETE"]) {
    for (const path of ["/drain", "/log?level=debug"]) {
      const refused = await ask(method, path);
      assert.deepEqual([refused.status, refused.headers.allow], [405, "POST"], path);
    }
  }
  assert.equal(drains, 0);
  assert.equal((await ask("POST", "/drain")).status, 200);
  assert.equal(drains, 1);
  assert.deepEqual((await ask("POST", "/log?level=debug")).status, 200);
  assert.deepEqual((await ask("POST", "/log?level=loud")).status, 400);
});

test("/stats and /clusters come as text and as JSON", async () => {
  assert.equal((await ask("GET", "/stats")).body, "cluster.a.requests: 3\nuptime_seconds: 1\n");
  const stats = await ask("GET", "/stats?format=json");
  assert.equal(stats.headers["content-type"], "application/json; charset=utf-8");
  assert.deepEqual(JSON.parse(stats.body), { "cluster.a.requests": 3, uptime_seconds: 1 });
  assert.equal(
    (await ask("GET", "/clusters")).body,
    "a:1 policy=random slot=4 hash=00ff balanced_per_connection=3\n" +
      "  10.0.0.1:1 zone=- weight=2 health=draining slot=7 generation=2 in_flight=5 requests=6 errors=1 set_aside=true set_aside_for=connect,health_check\n",
  );
  const clusters = JSON.parse((await ask("GET", "/clusters?format=json")).body);
  assert.equal(clusters.clusters[0].endpoints[0].inFlight, 5);
  assert.deepEqual(JSON.parse((await ask("GET", "/config_dump")).body), { config: { concurrency: 1 } });
});

test("/routes comes as text and as JSON", async () => {
  assert.equal(
    (await ask("GET", "/routes")).body,
    "version=0f\ncanary authorities=a:1\n  a:1 weight=99 requests=990\n  b:1 weight=1 requests=10\n" +
      "rest authorities=*\n  as the authority says requests=5\n",
  );
  assert.equal(JSON.parse((await ask("GET", "/routes?format=json")).body).routes[1].name, "rest");
});

test("what does not exist is answered with what does", async () => {
  const index = await ask("GET", "/");
  assert.equal(index.status, 200);
  assert.match(index.body, /^GET {2}\/ready /);
  const lost = await ask("GET", "/nope");
  assert.equal(lost.status, 404);
  assert.ok(lost.body.endsWith(index.body));
  assert.equal((await ask("POST", "/")).status, 405);
});

test("a Host that is a name is refused: a web page may have pointed its own at us", async () => {
  for (const host of [
    "evil.example",
    "evil.example:15000",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
  ]) {
    assert.equal((await ask("GET", "/ready", { host })).status, 403, host);
  }
  for (const host of ["localhost", "localhost:15000", "127.0.0.1", "[::1]:15000", "10.1.2.3:1"]) {
    assert.equal((await ask("GET", "/ready", { host })).status, 200, host);
  }
  const before = drains;
  assert.equal((await ask("POST", "/drain", { origin: "http://localhost" })).status, 403);
  assert.equal(drains, before);
});

test("headers beyond the limit are refused", async () => {
  assert.equal((await ask("GET", "/ready", { "x-large": "a".repeat(10_000) })).status, 431);
});

test("a unix socket that a dead process left behind is taken over, one in use is not", async () => {
  const path = join(tmpdir(), `isobar-admin-${process.pid}.sock`);
  const holder = createServer().listen(path);
  await new Promise((resolve) => holder.once("listening", resolve));
  const second = new AdminServer(view);
  await assert.rejects(second.listen({ kind: "unix", path }), { code: "EADDRINUSE" });
  await new Promise((resolve) => holder.close(resolve));
  writeFileSync(path, "not a socket");
  await assert.rejects(new AdminServer(view).listen({ kind: "unix", path }), { code: "EADDRINUSE" });
  rmSync(path);
  await second.listen({ kind: "unix", path });
  assert.equal((await ask("GET", "/healthz", {}, path)).status, 200);
  await second.close();
});

test("/explain shows clusters or one of them, as text or JSON, and says what is wrong with a question", async () => {
  const all = await ask("GET", "/explain?last=7");
  assert.equal(all.status, 200);
  assert.match(
    all.body,
    /^node node-1, 1 % of picks are recorded\n\nCLUSTER +POLICY +ENDPOINTS +RECORDED\na:1 +random +1 +7\n$/,
  );
  assert.doesNotMatch((await ask("GET", "/explain?namespace=bank")).body, /a:1/);
  const one = await ask("GET", "/explain?cluster=a:1");
  assert.match(one.body, /^cluster a:1, random, metric in_flight, snapshot 00ff$/m);
  assert.match(one.body, /^0 +zone +92\.5 % +1$/m);
  assert.equal(JSON.parse((await ask("GET", "/explain?cluster=a:1&format=json")).body).cluster.name, "a:1");
  assert.equal((await ask("GET", "/explain?cluster=b:1")).status, 404);
  const wrong = await ask("GET", "/explain?last=-1");
  assert.equal(wrong.status, 400);
  assert.match(wrong.body, /last: found "-1", wanted a whole number from 0 to 9999/);
});

test("/explain.bin is given octet by octet", async () => {
  const { status, headers } = await ask("GET", "/explain.bin");
  assert.equal(status, 200);
  assert.equal(headers["content-type"], "application/octet-stream");
  assert.equal(headers["content-length"], "3");
});
