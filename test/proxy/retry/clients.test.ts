import assert from "node:assert/strict";
import { once } from "node:events";
import type { Http2Server, IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { after, before, describe, it } from "node:test";
import { clusterSettings } from "../../../src/resource/cluster-settings.ts";
import { GrpcBackend } from "../fixture/grpc-backend.ts";
import { GrpcClient } from "../fixture/grpc-client.ts";
import { LocalProxy } from "../fixture/local-proxy.ts";
import { RawClient } from "../fixture/raw-client.ts";
import { retrying } from "./retry-settings.ts";

/** A server by Node's own HTTP/2, which shows the headers that came. */
async function serve(
  answer: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void,
): Promise<Http2Server> {
  const server = createServer();
  server.on("stream", (stream: ServerHttp2Stream, headers) => {
    stream.on("error", () => {});
    stream.resume();
    stream.on("end", () => answer(stream, headers));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

function fail(stream: ServerHttp2Stream, status: number): void {
  stream.respond(
    { ":status": 200, "content-type": "application/grpc", "grpc-status": String(status) },
    { endStream: true },
  );
}

describe("retries as clients and servers see them", () => {
  let proxy: LocalProxy;

  before(async () => {
    proxy = await LocalProxy.start();
  });
  after(() => proxy.close());

  it("tell endpoints how often a request was sent before, the client's own retries included", async () => {
    const seen: (string | undefined)[] = [];
    const server = await serve((stream, headers) => {
      seen.push(headers["grpc-previous-rpc-attempts"] as string | undefined);
      fail(stream, 14);
    });
    const name = "previous.test:1";
    proxy.apply([(server.address() as AddressInfo).port], { name, settings: retrying() });
    const client = new RawClient(proxy.port);
    await client.call(Buffer.from("x"), { ":authority": name });
    await client.call(Buffer.from("x"), { ":authority": name, "grpc-previous-rpc-attempts": "2" });
    await client.call(Buffer.from("x"), { ":authority": name, "grpc-previous-rpc-attempts": "99" });
    assert.deepEqual(seen, [undefined, "1", "2", "2", "3", "4", "99", "100", "101"]);
    client.close();
    server.close();
    proxy.remove(name);
  });

  it("leave requests that are not gRPC without a grpc-timeout, and gRPC ones with what is left", async () => {
    const seen: (string | undefined)[] = [];
    const server = await serve((stream, headers) => {
      seen.push(headers["grpc-timeout"] as string | undefined);
      fail(stream, 0);
    });
    const name = "limited.test:1";
    const settings = clusterSettings({ timeouts: { requestMs: 5000, idleMs: 0 } });
    proxy.apply([(server.address() as AddressInfo).port], { name, settings });
    const client = new RawClient(proxy.port);
    await client.call(Buffer.from("x"), { ":authority": name, "content-type": "text/plain" });
    await client.call(Buffer.from("x"), { ":authority": name });
    await client.call(Buffer.from("x"), { ":authority": name, "grpc-timeout": "1S" });
    assert.equal(seen[0], undefined);
    assert.match(seen[1]!, /^(?:4\d\d\d|5000)m$/);
    assert.match(seen[2]!, /^(?:9\d\d|1000)m$/);
    // From the second time on the limit is an entry of the connection's table.
    for (let call = 3; call < 8; call++) {
      await client.call(Buffer.from("x"), { ":authority": name });
      assert.match(seen[call]!, /^(?:4\d\d\d|5000)m$/);
    }
    client.close();
    server.close();
    proxy.remove(name);
  });

  it("pass the client's count on where nothing is retried", async () => {
    const seen: (string | undefined)[] = [];
    const server = await serve((stream, headers) => {
      seen.push(headers["grpc-previous-rpc-attempts"] as string | undefined);
      fail(stream, 0);
    });
    const name = "count.test:1";
    proxy.apply([(server.address() as AddressInfo).port], { name });
    const client = new RawClient(proxy.port);
    for (const count of ["1", "7", "0"]) {
      await client.call(Buffer.from("x"), { ":authority": name, "grpc-previous-rpc-attempts": count });
    }
    assert.deepEqual(seen, ["1", "7", undefined]);
    client.close();
    server.close();
    proxy.remove(name);
  });

  it("hide an endpoint that fails from a grpc-js client, deadline and message intact", async () => {
    const timeouts: (string | undefined)[] = [];
    const bad = await serve((stream, headers) => {
      timeouts.push(headers["grpc-timeout"] as string | undefined);
      fail(stream, 14);
    });
    const good = await GrpcBackend.start();
    proxy.apply([(bad.address() as AddressInfo).port, good.port], { settings: retrying() });
    const client = new GrpcClient(proxy.port);
    for (let i = 0; i < 20; i++) {
      const text = `message ${i}`;
      const answer = await client.unary(text, { deadline: Date.now() + 5000 });
      assert.equal(answer.code, 0);
      assert.equal(answer.body.toString(), text);
    }
    assert.ok(timeouts.length >= 5 && timeouts.every((timeout) => timeout !== undefined));
    assert.ok(good.timeLeftMs > 4000 && good.timeLeftMs <= 5001);
    client.close();
    good.stop();
    bad.close();
    proxy.remove();
  });
});
