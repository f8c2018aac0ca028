import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { after, before, describe, it } from "node:test";
import { Metadata, ServerCredentials } from "@grpc/grpc-js";
import type { TlsIdentity } from "../../src/resource/tls-identity.ts";
import { missingForCarrier } from "../support/missing-for-carrier.ts";
import { TestAuthority } from "../support/test-authority.ts";
import { GrpcBackend } from "./fixture/grpc-backend.ts";
import { GrpcClient } from "./fixture/grpc-client.ts";
import { LocalProxy } from "./fixture/local-proxy.ts";

const MESSAGE_OCTETS = 2 ** 18;
const MESSAGES = 256;
const IDENTITY = 1;

/** What carries the octets: how sockets are read, and whether the endpoint speaks TLS. */
const CARRIERS = [
  { socketReads: "onread", secure: false },
  { socketReads: "data", secure: false },
  { socketReads: "onread", secure: true },
  { socketReads: "data", secure: true },
] as const;

for (const { socketReads, secure } of CARRIERS) {
  const how = `by ${socketReads}${secure ? " and TLS" : ""}`;
  describe(`calls of a real client to a real server, ${how},`, {
    skip: secure && missingForCarrier("tls"),
  }, () => {
    let proxy: LocalProxy;
    let backend: GrpcBackend;
    let client: GrpcClient;

    before(async () => {
      proxy = await LocalProxy.start({ socketReads });
      const authority = secure ? new TestAuthority() : undefined;
      if (authority !== undefined) proxy.dataPlane.setTlsIdentity(identityFor(authority));
      backend = await GrpcBackend.start({}, authority && credentialsOf(authority));
      proxy.apply([backend.port], { tlsIdentity: authority === undefined ? 0 : IDENTITY });
      client = new GrpcClient(proxy.port);
    });
    after(async () => {
      client.close();
      await proxy.close();
      backend.stop();
    });

    it("pass unary messages, metadata, binary metadata and trailers both ways", async () => {
      const metadata = new Metadata();
      const octets = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
      metadata.add("x-one", "a");
      metadata.add("x-one", "b");
      metadata.set("x-some-bin", octets);
      metadata.set("authorization", "Bearer secret");
      const { code, body, initial, trailers } = await client.unary("hello", {}, metadata);
      assert.equal(code, 0);
      assert.equal(body.toString(), "hello");
      assert.deepEqual(backend.metadata.get("authorization"), ["Bearer secret"]);
      for (const [kind, received] of [["initial", initial] as const, ["trailing", trailers] as const]) {
        assert.deepEqual(received.get(`${kind}-x-one`).join(", ").split(/, ?/), ["a", "b"]);
        assert.deepEqual(received.get(`${kind}-x-some-bin`), [octets]);
      }
    });

    it("pass bodies of every size across frame and window borders", async () => {
      for (const size of [0, 1, 16_379, 16_384, 65_530, 65_536, 70_000, 200_000, 3_000_000]) {
        const sent = Buffer.alloc(size, "0123456789abcdef");
        const { code, body } = await client.unary(sent);
        assert.equal(code, 0);
        assert.ok(body.equals(sent), `${size} octets`);
      }
    });

    it("pass trailers-only answers with percent-encoded messages", async () => {
      const metadata = new Metadata();
      metadata.set("x-why", "because");
      const { code, details, trailers } = await client.unary("fail 9", {}, metadata);
      assert.equal(code, 9);
      assert.equal(details, "grüße: 100 % tested\n…");
      assert.deepEqual(trailers.get("trailing-x-why"), ["because"]);
    });

    it("pass an error that comes after the headers", async () => {
      const { code, details } = await client.unary("late");
      assert.equal(code, 10);
      assert.equal(details, "late");
    });

    it("stream up without limit of length", async () => {
      const answer = Promise.withResolvers<string>();
      const call = client.upload((error, value) =>
        error ? answer.reject(error) : answer.resolve(String(value)),
      );
      for (let i = 0; i < MESSAGES; i++) {
        if (!call.write(Buffer.alloc(MESSAGE_OCTETS, i))) await once(call, "drain");
      }
      call.end();
      assert.equal(await answer.promise, String(MESSAGES * MESSAGE_OCTETS));
      assert.ok(proxy.slabUsedOctets < 16 * 2 ** 20, `${proxy.slabUsedOctets} octets held`);
    });

    it("stream down without limit of length, every octet in its place", async () => {
      const call = client.download(MESSAGES, MESSAGE_OCTETS);
      const received = createHash("sha1");
      const expected = createHash("sha1");
      let most = 0;
      let count = 0;
      call.on("data", (message: Buffer) => {
        received.update(message);
        expected.update(Buffer.alloc(MESSAGE_OCTETS, count++ & 255));
        most = Math.max(most, proxy.slabUsedOctets);
      });
      const [status] = await once(call, "status");
      assert.equal(status.code, 0);
      assert.equal(count, MESSAGES);
      assert.equal(received.digest("hex"), expected.digest("hex"));
      assert.ok(most < 16 * 2 ** 20, `${most} octets held`);
    });

    it("alternate message by message, end one side, and get trailers after the messages", async () => {
      const call = client.chat();
      let status: { code: number; metadata: Metadata } | undefined;
      call.on("status", (told) => {
        status = told;
      });
      for (let i = 0; i < 100; i++) {
        call.write(Buffer.from(`message ${i}`));
        const [answer] = await once(call, "data");
        assert.equal(String(answer), `message ${i}`);
      }
      call.end();
      call.resume();
      await once(call, "end");
      if (status === undefined) [status] = await once(call, "status");
      assert.equal(status!.code, 0);
      assert.deepEqual(status!.metadata.get("ended"), ["yes"]);
    });

    it("leave no stream, count or octet behind", () => proxy.settled());
  });
}

function identityFor({ ca }: TestAuthority): TlsIdentity {
  return { number: IDENTITY, serverName: "echo.test", subjectAltNames: [], ca, cert: "", key: "" };
}

function credentialsOf(authority: TestAuthority): ServerCredentials {
  const { cert, key } = authority.issue({ subjectAltNames: ["DNS:echo.test"] });
  return ServerCredentials.createSsl(null, [
    { cert_chain: Buffer.from(cert), private_key: Buffer.from(key) },
  ]);
}
