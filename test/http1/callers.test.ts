import assert from "node:assert/strict";
import { generateKeyPairSync, verify } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { IdentitySigner } from "../../src/proxy/callers/identity-signer.ts";
import type { Cluster } from "../../src/resource/cluster.ts";
import { ClusterColumn } from "../../src/telemetry/cluster-counters.ts";
import { callingPod } from "../proxy/callers/fixture/calling-pod.ts";
import { GrpcBackend } from "../proxy/fixture/grpc-backend.ts";
import { until } from "../proxy/fixture/until.ts";
import { Http1Rig, RawHttp1Client, WEB } from "./http1-rig.ts";
import { WebBackend } from "./web-backend.ts";

const SERVICE = "127.18.0.1";
const DOOR = "127.18.255.1";
const SHOP = "127.0.1.5";
const BANK = "127.0.1.6";
/** What callers say themselves, in every way that some reader takes for the header. */
const LIES = "X-Isobar-Caller: admin\r\nx_isobar_caller: admin\r\nX-Isobar_Caller: admin\r\n";
const CALL = "\0\0\0\0\x05hello";

const { privateKey, publicKey } = generateKeyPairSync("ed25519");

describe("callers of HTTP/1.1 that is captured", () => {
  let folder: string;
  let rig: Http1Rig;
  let web: WebBackend;
  let grpc: GrpcBackend;
  let clients: RawHttp1Client[] = [];

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "isobar-key-"));
    const keyFile = join(folder, "key.pem");
    writeFileSync(keyFile, privateKey.export({ type: "pkcs8", format: "pem" }));
    const onTrouble = (reason: string): void => assert.fail(reason);
    const signer = new IdentitySigner({ keyFile, node: "n1", wallMs: () => Date.now(), onTrouble });
    rig = await Http1Rig.start(
      { freeConnectionMs: 10_000 },
      { anyIp: { ipv4: "127.18.0.0/16", ipv6: "fd00:77::/64" }, identity: { signer, lifetimeMs: 60_000 } },
    );
    web = await WebBackend.start();
    grpc = await GrpcBackend.start();
    rig.proxy.dataPlane.reception.applyServices({ added: [{ number: 1, service: WEB }], removed: [] });
    rig.proxy.applyCallers([callingPod("s1", "shop", SHOP), callingPod("b1", "bank", BANK)]);
  });
  afterEach(async () => {
    for (const client of clients) client.close();
    clients = [];
    web.drop();
    await until("no request under way", () => rig.proxy.inFlight === 0);
    rig.proxy.dataPlane.reception.applyServices({ added: [], removed: [1] });
    await until("endpoints' connections gone", () => web.sockets === 0);
    await rig.close();
    web.stop();
    await grpc.stop();
    rmSync(folder, { recursive: true });
  });

  function clientOf(pod: string, address: string = SERVICE): RawHttp1Client {
    const client = new RawHttp1Client(rig.port, address, pod);
    clients.push(client);
    return client;
  }

  /** @param fields names and values by turns. @returns the namespaces that verified tokens for the service say; "false" for what is none. */
  function said(fields: readonly string[]): string[] {
    const values = fields.filter((_, i) => i % 2 === 1 && isCaller(fields[i - 1]!));
    return values.map((token) => {
      const [head, body = "", signature = ""] = token.split(".");
      const signed = Buffer.from(`${head}.${body}`);
      if (!verify(null, signed, publicKey, Buffer.from(signature, "base64url"))) return "false";
      const { aud, namespace } = JSON.parse(Buffer.from(body, "base64url").toString()) as Record<
        string,
        string
      >;
      assert.equal(aud, WEB);
      return namespace!;
    });
  }
  const isCaller = (name: string): boolean => name.toLowerCase().replaceAll("_", "-") === "x-isobar-caller";
  const fieldsAtGrpc = (): string[] => Object.entries(grpc.metadata.getMap()).flat().map(String);

  const WAYS: Readonly<Record<string, Partial<Cluster>>> = {
    "endpoints of HTTP/1.1": { protocol: "http1" },
    "endpoints of HTTP/1.1, request by request": { protocol: "http1", h2UpgradePolicy: "DO_NOT_UPGRADE" },
    "a service of gRPC whose endpoints take HTTP/1.1 beside it": { protocol: "http2" },
  };
  for (const [what, cluster] of Object.entries(WAYS)) {
    it(`say nothing of themselves to ${what}: the proxy does, in requests, and nobody in trailers`, async () => {
      rig.proxy.apply([web.port], { name: WEB, ...cluster });
      const client = clientOf(SHOP);
      const trailers = `0\r\n${LIES}X-Sum: 1\r\n\r\n`;
      const head = `POST /a HTTP/1.1\r\nHost: other\r\n${LIES}Connection: X-Isobar-Caller\r\n`;
      for (let i = 1; i <= 3; i++) {
        client.say(`${head}Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n${trailers}`);
        await client.hears("POST /a 0", i);
        assert.deepEqual(said(web.fields), ["shop"]);
        assert.deepEqual(said(web.trailers), []);
        assert.equal(web.trailers.includes("1"), true, "what is no lie goes through");
      }
    });
  }

  it("are named to WebSocket's endpoints", async () => {
    rig.proxy.apply([web.port], { name: WEB, protocol: "http1" });
    let fields: readonly string[] = [];
    web.server.on("upgrade", (request, socket) => {
      fields = request.rawHeaders;
      socket.end("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhi");
    });
    const client = clientOf(BANK);
    client.say(`GET /c HTTP/1.1\r\nHost: ${WEB}\r\n${LIES}Connection: upgrade\r\nUpgrade: websocket\r\n\r\n`);
    await client.hears("hi");
    assert.deepEqual(said(fields), ["bank"]);
  });

  it("are named in gRPC-Web as in gRPC, and counted by their namespace", async () => {
    rig.proxy.apply([grpc.port], { name: WEB });
    const client = clientOf(BANK);
    const head = `POST /test.Echo/Unary HTTP/1.1\r\nHost: ${WEB}\r\nContent-Type: application/grpc-web+proto\r\n`;
    client.say(`${head}${LIES}Content-Length: ${CALL.length}\r\n\r\n${CALL}`);
    await client.hears("grpc-status: 0");
    assert.deepEqual(said(fieldsAtGrpc()), ["bank"]);
    assert.deepEqual(rig.proxy.bySource(WEB), { "bank 0/-": 1 });
  });

  it("of two namespaces share no connection to an endpoint, and of one do", async () => {
    rig.proxy.apply([web.port], { name: WEB, protocol: "http1" });
    const request = `GET /a HTTP/1.1\r\nHost: ${WEB}\r\n\r\n`;
    for (const pod of [SHOP, BANK, SHOP, BANK]) {
      const client = clientOf(pod);
      client.say(request);
      await client.hears("GET /a 0");
      assert.deepEqual(said(web.fields), [pod === SHOP ? "shop" : "bank"]);
    }
    assert.equal(web.connections, 2);
  });

  it("of two namespaces share no connection to an endpoint as gRPC-Web either", async () => {
    rig.proxy.apply([grpc.port], { name: WEB });
    const head = `POST /test.Echo/Unary HTTP/1.1\r\nHost: ${WEB}\r\nContent-Type: application/grpc-web+proto\r\n`;
    for (const pod of [SHOP, BANK, SHOP, BANK]) {
      const client = clientOf(pod);
      client.say(`${head}Content-Length: ${CALL.length}\r\n\r\n${CALL}`);
      await client.hears("grpc-status: 0");
    }
    assert.equal(rig.proxy.row(WEB)[ClusterColumn.upstreamConnections], 2);
  });

  it("are cut off when their address gets another owner, at once or after a while in which it is nobody's", async () => {
    rig.proxy.apply([web.port], { name: WEB, protocol: "http1" });
    const request = `GET /a HTTP/1.1\r\nHost: ${WEB}\r\n\r\n`;
    for (const [i, isGap] of [false, true].entries()) {
      const client = clientOf(SHOP);
      client.say(request);
      await client.hears("GET /a 0");
      if (isGap) rig.proxy.applyCallers([]);
      rig.proxy.applyCallers([callingPod(`next${i}`, "bank", SHOP)]);
      await client.closed();
      const next = clientOf(SHOP);
      next.say(request);
      await next.hears("GET /a 0");
      assert.deepEqual(said(web.fields), ["bank"]);
      next.close();
      rig.proxy.applyCallers([callingPod("s1", "shop", SHOP)]);
    }
  });

  it("learn at the node's address by which keys tokens are verified", async () => {
    const client = clientOf(SHOP, DOOR);
    client.say("GET /isobar/identity-keys HTTP/1.1\r\nHost: node\r\n\r\n");
    const answer = await client.closed();
    assert.match(answer, /^HTTP\/1.1 200 OK\r\ncontent-type: application\/jwk-set\+json\r\n/);
    const { keys } = JSON.parse(answer.slice(answer.indexOf("\r\n\r\n"))) as {
      keys: Record<string, string>[];
    };
    const { x } = publicKey.export({ format: "jwk" });
    assert.deepEqual(
      keys.map(({ kty, crv, alg, use, x }) => ({ kty, crv, alg, use, x })),
      [{ kty: "OKP", crv: "Ed25519", alg: "EdDSA", use: "sig", x }],
    );
  });
});
