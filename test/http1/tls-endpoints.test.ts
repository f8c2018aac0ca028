import assert from "node:assert/strict";
import { createSecureServer } from "node:http2";
import { createServer } from "node:https";
import type { AddressInfo, Server } from "node:net";
import { after, before, describe, it } from "node:test";
import type { H2UpgradePolicy } from "../../src/resource/cluster.ts";
import { until } from "../proxy/fixture/until.ts";
import { missingForCarrier } from "../support/missing-for-carrier.ts";
import { TestAuthority } from "../support/test-authority.ts";
import { Http1Rig, RawHttp1Client, WEB } from "./http1-rig.ts";

const IDENTITY = { number: 1, serverName: WEB, subjectAltNames: [], cert: "", key: "" };

/** A backend with TLS that says which version of HTTP it was asked in. */
interface SecureBackend {
  readonly port: number;
  readonly connections: () => number;
  readonly stop: () => void;
}

async function listen(server: Server, stop: () => void): Promise<SecureBackend> {
  let connections = 0;
  server.on("connection", () => connections++);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { port: (server.address() as AddressInfo).port, connections: () => connections, stop };
}

describe("HTTP/1.1 for endpoints with TLS", { skip: missingForCarrier("tls") }, () => {
  const authority = new TestAuthority();
  const { cert, key } = authority.issue({ subjectAltNames: [`DNS:${WEB}`] });
  let rig: Http1Rig;
  let modern: SecureBackend;
  let old: SecureBackend;

  before(async () => {
    rig = await Http1Rig.start({ freeConnectionMs: 300 });
    rig.proxy.dataPlane.setTlsIdentity({ ...IDENTITY, ca: authority.ca });
    const h2 = createSecureServer({ cert, key });
    h2.on("request", (request, response) => response.end(`served as ${request.httpVersion}`));
    const sessions = new Set<{ destroy(): void }>();
    h2.on("session", (session) => sessions.add(session));
    modern = await listen(h2, () => {
      h2.close();
      for (const session of sessions) session.destroy();
    });
    const h1 = createServer({ cert, key }, (request, response) =>
      response.end(`served as ${request.httpVersion}`),
    );
    old = await listen(h1, () => {
      h1.close();
      h1.closeAllConnections();
    });
  });
  after(async () => {
    await rig.close();
    modern.stop();
    old.stop();
  });

  async function answers(
    backend: SecureBackend,
    h2UpgradePolicy: H2UpgradePolicy,
    count: number,
    tlsIdentity = 1,
  ): Promise<string> {
    rig.proxy.apply([backend.port], { name: WEB, protocol: "http2", h2UpgradePolicy, tlsIdentity });
    const client = new RawHttp1Client(rig.port);
    for (let i = 1; i <= count; i++) {
      client.say(`GET /${i} HTTP/1.1\r\nHost: ${WEB}\r\n\r\n`);
      await until("an answer", () => client.received.split("HTTP/1.1 ").length > i);
      await until("its end", () => /served as [0-9.]+|\n\r\n.*\n$/.test(client.received));
    }
    client.close();
    await until("nothing in flight", () => rig.proxy.inFlight === 0);
    rig.proxy.remove(WEB);
    return client.received;
  }

  it("with UPGRADE an endpoint that speaks HTTP/2 is asked in HTTP/2, after one connection to find out", async () => {
    const before = modern.connections();
    const received = await answers(modern, "UPGRADE", 5);
    assert.equal(received.split("served as 2.0").length - 1, 5);
    // One to ask, one for the connection of the data plane.
    assert.equal(modern.connections() - before, 2);
  });

  it("with UPGRADE an endpoint that speaks HTTP/1.1 only is asked in that", async () => {
    const received = await answers(old, "UPGRADE", 5);
    assert.equal(received.split("served as 1.1").length - 1, 5);
    assert.ok(old.connections() <= 3, String(old.connections()));
  });

  it("with DEFAULT it is as with UPGRADE, because nothing could be passed on as it is", async () => {
    assert.equal((await answers(modern, "DEFAULT", 3)).split("served as 2.0").length - 1, 3);
    assert.equal((await answers(old, "DEFAULT", 3)).split("served as 1.1").length - 1, 3);
  });

  it("with DO_NOT_UPGRADE nothing else is tried", async () => {
    const received = await answers(old, "DO_NOT_UPGRADE", 3);
    assert.equal(received.split("served as 1.1").length - 1, 3);
  });

  it("an endpoint that is not who it should be gets nothing", async () => {
    rig.proxy.dataPlane.setTlsIdentity({
      ...IDENTITY,
      number: 2,
      serverName: "other.test",
      ca: authority.ca,
    });
    for (const policy of ["UPGRADE", "DO_NOT_UPGRADE"] as const) {
      const received = await answers(old, policy, 1, 2);
      assert.match(received, /^HTTP\/1\.1 503 [\s\S]*\(UF\)/, policy);
    }
  });
});
