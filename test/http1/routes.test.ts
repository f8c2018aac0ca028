import assert from "node:assert/strict";
import type { RequestListener } from "node:http";
import type { ServerHttp2Session } from "node:http2";
import { createServer as createHttp2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, it } from "node:test";
import { RouteCell } from "../../src/telemetry/route-counters.ts";
import { LiveRoutes } from "../proxy/routes/live-routes.ts";
import { Http1Rig, RawHttp1Client, WEB } from "./http1-rig.ts";
import { get } from "./http1-stage.ts";
import { WebBackend } from "./web-backend.ts";

const STABLE = "stable.test";
const CANARY = "canary.test";
/** As users have it: without routes such connections are passed on whole. */
const PLAIN = { protocol: "http1" } as const;
const BETA = { path: "", headers: [{ name: "x-user", kind: "exact", value: "beta" }] } as const;
const CHANGES = {
  requestHeaders: { set: { "x-tenant": "acme" }, add: {}, remove: ["x-secret"] },
  responseHeaders: { set: { "x-served-by": "isobar" }, add: {}, remove: ["x-internal"] },
};

/** Answers with its name, and what it saw of two headers. */
const tell =
  (name: string): RequestListener =>
  ({ headers }, response) => {
    response.setHeader("x-internal", "1");
    response.end(`[${name} ${headers["x-tenant"] ?? "-"} ${headers["x-secret"] ?? "-"}]`);
  };

describe("routes for HTTP/1.1", () => {
  let rig: Http1Rig;
  let routes: LiveRoutes;
  let client: RawHttp1Client;
  let stable: WebBackend;
  let canary: WebBackend;

  beforeEach(async () => {
    [stable, canary] = await Promise.all([
      WebBackend.start(tell("stable")),
      WebBackend.start(tell("canary")),
    ]);
    rig = await Http1Rig.start({ freeConnectionMs: 500 });
    rig.proxy.apply([stable.port], { name: WEB, ...PLAIN });
    rig.proxy.apply([stable.port], { name: STABLE, ...PLAIN });
    rig.proxy.apply([canary.port], { name: CANARY, ...PLAIN });
    routes = new LiveRoutes(rig.proxy);
  });
  afterEach(async () => {
    client.close();
    await rig.close();
    stable.stop();
    canary.stop();
  });

  it("decide each request of a connection, and change headers both ways, towards endpoints of HTTP/1.1", async () => {
    await routes.apply({
      authorities: [WEB],
      matches: [BETA],
      clusters: [{ name: CANARY, weight: 1 }],
      ...CHANGES,
    });
    client = new RawHttp1Client(rig.port);
    client.say(get("/", "x-user: beta\r\nx-secret: 1\r\nx-tenant: theirs\r\n"));
    const first = await client.hears("[canary acme -]");
    assert.match(first, /^HTTP\/1\.1 200 OK\r\n/);
    assert.match(first, /x-served-by: isobar\r\n/i);
    assert.doesNotMatch(first, /x-internal/i);
    client.received = "";
    client.say(get("/", "x-user: alpha\r\nx-secret: 1\r\n"));
    assert.match(await client.hears("[stable - 1]"), /x-internal: 1\r\n/i);
    assert.equal(routes.count(RouteCell.requests), 1);
    await routes.apply();
    client.say(get("/", "x-user: beta\r\n"));
    await client.hears("[stable - -]");
  });

  it("lead to clusters that no Host names, and tell those apart that no route knows", async () => {
    await routes.apply({ authorities: ["*.routed.test"], clusters: [{ name: CANARY, weight: 1 }] });
    client = new RawHttp1Client(rig.port);
    client.say("GET / HTTP/1.1\r\nHost: any.routed.test\r\n\r\n");
    await client.hears("[canary - -]");
    const other = new RawHttp1Client(rig.port);
    other.say("GET / HTTP/1.1\r\nHost: other.test\r\n\r\n");
    assert.match(await other.closed(), /^HTTP\/1\.1 404 /);
  });

  it("keep to endpoints with a label, whose value a header may give", async () => {
    rig.proxy.apply(
      [
        { port: stable.port, labels: { shard: "1" } },
        { port: canary.port, labels: { shard: "2" } },
      ],
      { name: WEB, ...PLAIN },
    );
    await routes.apply({
      authorities: [WEB],
      endpoints: { labels: {}, fromHeaders: { shard: "x-shard" }, fallback: "fail" },
    });
    client = new RawHttp1Client(rig.port);
    for (let i = 1; i <= 4; i++) {
      client.say(get("/", "x-shard: 2\r\n"));
      await client.hears("[canary - -]", i);
      client.say(get("/", "x-shard: 1\r\n"));
      await client.hears("[stable - -]", i);
    }
    client.say(get("/", "x-shard: 3\r\n"));
    await client.hears("no endpoint of web.test has the labels");
    assert.match(client.received, /HTTP\/1\.1 503 /);
    assert.equal(routes.count(RouteCell.refused), 1);
  });

  it("lead from a cluster of HTTP/1.1 to one of HTTP/2, counted once and changed once", async () => {
    const server = createHttp2Server((request, response) => {
      response.setHeader("x-internal", "1");
      response.end(`[second ${request.headers["x-tenant"] ?? "-"} ${request.headers["x-secret"] ?? "-"}]`);
    });
    const sessions = new Set<ServerHttp2Session>();
    server.on("session", (session) => sessions.add(session));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    rig.proxy.apply([port], { name: "second.test", protocol: "http2", h2UpgradePolicy: "UPGRADE" });
    await routes.apply(
      { authorities: [WEB], clusters: [{ name: "second.test", weight: 1 }], ...CHANGES },
      // Not asked about a request that the first has sent there.
      { authorities: ["second.test"], responseHeaders: { set: { "x-wrong": "1" }, add: {}, remove: [] } },
    );
    client = new RawHttp1Client(rig.port);
    for (let i = 1; i <= 3; i++) {
      client.say(get("/", "x-secret: 1\r\n"));
      const answer = await client.hears("[second acme -]", i);
      assert.equal(answer.match(/x-served-by: isobar/gi)?.length, i);
      assert.doesNotMatch(answer, /x-internal|x-wrong/i);
    }
    assert.equal(routes.count(RouteCell.requests), 3);
    for (const session of sessions) session.destroy();
    server.close();
  });
});
