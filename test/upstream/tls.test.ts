import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { after, afterEach, before, describe, it } from "node:test";
import { createServer as createTlsServer } from "node:tls";
import { ServerCredentials } from "@grpc/grpc-js";
import type { TlsFailure } from "../../src/proxy/tls-failure.ts";
import type { TlsIdentity } from "../../src/resource/tls-identity.ts";
import { ClusterColumn } from "../../src/telemetry/cluster-counters.ts";
import { TLS_FAILURE_NAMES } from "../../src/telemetry/tls-failure-names.ts";
import { GrpcBackend } from "../proxy/fixture/grpc-backend.ts";
import { GrpcClient } from "../proxy/fixture/grpc-client.ts";
import { LocalProxy } from "../proxy/fixture/local-proxy.ts";
import { answerOf, RawClient } from "../proxy/fixture/raw-client.ts";
import { until } from "../proxy/fixture/until.ts";
import { firstForeignOctet, keyedBody } from "../support/keyed-body.ts";
import { missingForCarrier } from "../support/missing-for-carrier.ts";
import { TestAuthority } from "../support/test-authority.ts";
import { TlsBackend } from "./tls-backend.ts";

const NAME = "echo.test:50051";
const BODY = keyedBody(1, 5000);

describe("TLS with endpoints", { skip: missingForCarrier("tls") }, () => {
  const authority = new TestAuthority();
  const stranger = new TestAuthority();
  const server = authority.issue({ subjectAltNames: ["DNS:echo.test"] });
  const failures: TlsFailure[] = [];
  let proxy: LocalProxy;
  let client: RawClient;
  const stops: (() => void)[] = [];

  before(async () => {
    proxy = await LocalProxy.start({ onTlsFailure: (failure) => failures.push(failure) });
    client = new RawClient(proxy.port);
  });
  afterEach(() => {
    proxy.remove(NAME);
    for (const stop of stops.splice(0)) stop();
  });
  after(async () => {
    client.close();
    await proxy.close();
    authority.remove();
    stranger.remove();
  });

  const identify = (changes: Partial<TlsIdentity> = {}): number => {
    const identity = {
      number: 7,
      serverName: "echo.test",
      subjectAltNames: [],
      ca: authority.ca,
      cert: "",
      key: "",
      ...changes,
    };
    proxy.dataPlane.setTlsIdentity(identity);
    return identity.number;
  };
  const backend = async (options: Parameters<typeof TlsBackend.start>[0] = server): Promise<TlsBackend> => {
    const made = await TlsBackend.start(options);
    stops.push(() => made.stop());
    return made;
  };
  const call = () => client.call(BODY, { ":authority": NAME });

  it("carries calls of every kind to a real gRPC server", async () => {
    const pair = { cert_chain: Buffer.from(server.cert), private_key: Buffer.from(server.key) };
    const real = await GrpcBackend.start({}, ServerCredentials.createSsl(null, [pair]));
    stops.push(() => real.stop());
    proxy.apply([real.port], { name: NAME, tlsIdentity: identify() });
    const grpc = new GrpcClient(proxy.port, NAME);
    const large = keyedBody(3, 3_000_000);
    const [small, echoed] = await Promise.all([grpc.unary("hello"), grpc.unary(large)]);
    assert.equal(small.body.toString(), "hello");
    assert.ok(echoed.body.equals(large));
    const chat = grpc.chat();
    for (let i = 0; i < 20; i++) {
      chat.write(Buffer.from(`message ${i}`));
      const [answer] = await once(chat, "data");
      assert.equal(String(answer), `message ${i}`);
    }
    chat.end();
    chat.resume();
    await once(chat, "end");
    grpc.close();
  });

  it("gives every body back octet by octet, while slow readers hold theirs up", async () => {
    const { port } = await backend();
    proxy.apply([port], { name: NAME, tlsIdentity: identify() });
    const SIZE = 1_500_000;
    const slow = client.open({ ":authority": NAME });
    slow.end(keyedBody(99, SIZE));
    await once(slow, "response");
    await Promise.all(
      Array.from({ length: 20 }, async (_, key) => {
        const { body } = await client.call(keyedBody(key, SIZE), { ":authority": NAME });
        assert.equal(body.length, SIZE);
        assert.equal(firstForeignOctet(key, body), -1);
      }),
    );
    const { body } = await answerOf(slow);
    assert.equal(body.length, SIZE);
    assert.equal(firstForeignOctet(99, body), -1);
  });

  it("shows its certificate to endpoints that want one", async () => {
    const ours = authority.issue();
    const { port, connections } = await backend({
      ...server,
      ca: authority.ca,
      requestCert: true,
      rejectUnauthorized: true,
    });
    proxy.apply([port], { name: NAME, tlsIdentity: identify({ cert: ours.cert, key: ours.key }) });
    assert.equal((await call()).status, 0);
    assert.match(connections[0]!.client, /^leaf-/);
  });

  it("speaks 1.2 with endpoints that know no later version", async () => {
    const { port, connections } = await backend({ ...server, maxVersion: "TLSv1.2" });
    proxy.apply([port], { name: NAME, tlsIdentity: identify() });
    assert.equal((await call()).status, 0);
    assert.equal(connections[0]!.socket.getProtocol(), "TLSv1.2");
  });

  it("resumes the session of an endpoint whose connection has ended", async () => {
    const { port, connections } = await backend();
    proxy.apply([port], { name: NAME, tlsIdentity: identify() });
    for (let i = 0; i < 2; i++) {
      assert.equal((await call()).status, 0);
      connections[i]!.socket.destroy();
      await until("it is gone", () => proxy.row(NAME)[ClusterColumn.upstreamConnections] === 0);
    }
    assert.deepEqual(
      connections.map(({ resumed }) => resumed),
      [false, true],
    );
  });

  const accepted: readonly [string, readonly string[], readonly string[]][] = [
    ["a host name", ["DNS:a.mesh.test"], ["b.test", "A.mesh.test"]],
    ["a host name by the certificate's wildcard", ["DNS:*.mesh.test"], ["a.mesh.test"]],
    ["a wildcard for one label", ["DNS:a.mesh.test"], ["*.mesh.test"]],
    ["a SPIFFE id", ["DNS:x.test", "URI:spiffe://mesh/ns/a/sa/b"], ["spiffe://mesh/ns/a/sa/b"]],
    ["an address", ["IP:127.0.0.1"], ["127.0.0.1"]],
  ];
  for (const [what, names, subjectAltNames] of accepted) {
    it(`takes ${what} for the endpoint's name`, async () => {
      const { port } = await backend(authority.issue({ subjectAltNames: names }));
      proxy.apply([port], { name: NAME, tlsIdentity: identify({ subjectAltNames }) });
      assert.equal((await call()).status, 0);
    });
  }

  /** What the endpoint is, as whom we connect, the reason. */
  const refused: readonly [
    string,
    () => Promise<number>,
    Partial<TlsIdentity>,
    (typeof TLS_FAILURE_NAMES)[number],
  ][] = [
    [
      "is from a stranger",
      async () => (await backend(stranger.issue({ subjectAltNames: ["DNS:echo.test"] }))).port,
      {},
      "tls_untrusted",
    ],
    ["is from nobody the system trusts", async () => (await backend()).port, { ca: "" }, "tls_untrusted"],
    [
      "has expired",
      async () => (await backend(authority.issue({ subjectAltNames: ["DNS:echo.test"], days: -1 }))).port,
      {},
      "tls_expired",
    ],
    ["is for another host", async () => (await backend()).port, { serverName: "other.test" }, "tls_name"],
    [
      "has not the SPIFFE id",
      async () => (await backend()).port,
      { subjectAltNames: ["spiffe://mesh/a"] },
      "tls_name",
    ],
    [
      "is two labels below a wildcard",
      async () => (await backend(authority.issue({ subjectAltNames: ["DNS:a.b.test"] }))).port,
      { subjectAltNames: ["*.test"] },
      "tls_name",
    ],
    ["comes without ALPN", () => listenTls({}), {}, "tls_alpn"],
    ["comes with HTTP/1.1 only", () => listenTls({ ALPNProtocols: ["http/1.1"] }), {}, "tls_alpn"],
    [
      "comes with the wish for ours",
      async () =>
        (await backend({ ...server, ca: authority.ca, requestCert: true, rejectUnauthorized: true })).port,
      {},
      "tls_rejected",
    ],
    ["is not there, because the endpoint speaks clear text", listenClear, {}, "tls_failure"],
  ];
  for (const [what, start, changes, reason] of refused) {
    it(`does not use an endpoint whose certificate ${what}, and says so`, async () => {
      const port = await start();
      failures.length = 0;
      proxy.apply([port], { name: NAME, tlsIdentity: identify(changes) });
      const cell = ClusterColumn.upstreamTlsFailures + TLS_FAILURE_NAMES.indexOf(reason);
      const before = proxy.row(NAME)[cell]!;
      const { status, message } = await call();
      assert.equal(status, 14);
      assert.match(message, /certificate|TLS/);
      assert.match(message, /echo\.test:50051$/);
      assert.ok(proxy.row(NAME)[cell]! > before, `not counted as ${reason}`);
      assert.deepEqual([...new Set(failures.map((each) => each.reason))], [reason]);
      assert.equal(failures[0]!.endpoint, `127.0.0.1:${port}`);
      assert.ok(failures.every(({ detail }) => !detail.includes("PRIVATE")));
    });
  }

  it("sends nothing, not even the preface, to an endpoint that has not proved who it is", async () => {
    let octets = 0;
    const port = await listenTls(
      { ...stranger.issue({ subjectAltNames: ["DNS:echo.test"] }), ALPNProtocols: ["h2"] },
      (count) => {
        octets += count;
      },
    );
    proxy.apply([port], { name: NAME, tlsIdentity: identify() });
    assert.equal((await call()).status, 14);
    assert.equal(octets, 0);
  });

  it("fails without a word in clear text while an identity's files are no good, and works when they are", async () => {
    const { port } = await backend();
    proxy.apply([port], { name: NAME, tlsIdentity: 8 });
    assert.equal((await call()).status, 14);
    identify({ number: 8 });
    await until("it is tried again", () => !proxy.endpoints.isSetAside(proxy.slotOf(port, NAME, 8)));
    assert.equal((await call()).status, 0);
  });

  it("keeps connections when certificates are renewed, and uses the new ones for new connections", async () => {
    const { port, connections } = await backend({
      ...server,
      ca: authority.ca,
      requestCert: true,
      rejectUnauthorized: true,
    });
    const [first, second] = [authority.issue(), authority.issue()];
    proxy.apply([port], { name: NAME, tlsIdentity: identify({ cert: first.cert, key: first.key }) });
    const open = client.open({ ":authority": NAME });
    open.write(BODY);
    await once(open, "response");
    identify({ cert: second.cert, key: second.key });
    assert.equal((await call()).status, 0);
    assert.equal(connections.length, 1, "a stream of the old connection was moved");
    open.end(BODY);
    assert.equal((await answerOf(open)).body.length, 2 * BODY.length);
    connections[0]!.socket.destroy();
    await until("it is gone", () => proxy.row(NAME)[ClusterColumn.upstreamConnections] === 0);
    assert.equal((await call()).status, 0);
    assert.equal(connections[1]!.resumed, false, "the session of the old certificate");
    assert.notEqual(connections[1]!.client, connections[0]!.client);
  });

  it("gives each identity connections of its own, and lets streams of the former one finish", async () => {
    const { port, connections } = await backend();
    proxy.apply([port], { name: NAME, tlsIdentity: identify() });
    const open = client.open({ ":authority": NAME });
    open.write(BODY);
    await once(open, "response");
    const former = proxy.slotOf(port, NAME, 7);
    proxy.apply([port], { name: NAME, tlsIdentity: identify({ number: 9 }) });
    assert.notEqual(proxy.slotOf(port, NAME, 9), former);
    assert.equal((await call()).status, 0);
    assert.equal(connections.length, 2);
    open.end();
    assert.equal((await answerOf(open)).status, 0);
    await until("the former identity's slot is given back", () => proxy.released.includes(former));
  });

  async function listenTls(options: object, onData: (octets: number) => void = () => {}): Promise<number> {
    const listening = createTlsServer({ ...server, ...options }, (socket) => {
      socket.on("error", () => {});
      socket.on("data", (chunk) => onData(chunk.length));
    });
    listening.on("tlsClientError", () => {});
    return listen(listening);
  }

  async function listenClear(): Promise<number> {
    return listen(
      createServer((socket) => {
        socket.on("error", () => {});
        socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
      }),
    );
  }

  async function listen(listening: ReturnType<typeof createServer>): Promise<number> {
    listening.listen(0, "127.0.0.1");
    stops.push(() => listening.close());
    await once(listening, "listening");
    return (listening.address() as AddressInfo).port;
  }
});
