import assert from "node:assert/strict";
import { it } from "node:test";
import { Flag, frame, literal, OK_TRAILERS, RawBackend, Type } from "../proxy/fixture/raw-backend.ts";
import { until } from "../proxy/fixture/until.ts";
import { Http1Rig, RawHttp1Client, WEB } from "./http1-rig.ts";
import { AS_HTTP1, AS_HTTP2, get, through } from "./http1-stage.ts";

const STATUS_200 = Buffer.from([0x88]);

/** Asks an HTTP/2 endpoint that answers with these header fields, then a body, then these trailers. */
async function askHttp2(fields: readonly Buffer[], trailers: readonly Buffer[] = []): Promise<string> {
  const backend = await RawBackend.start({
    onRequest: ({ connection, id }) => {
      connection.send(frame(Type.headers, Flag.endHeaders, id, Buffer.concat([STATUS_200, ...fields])));
      connection.send(frame(Type.data, trailers.length === 0 ? Flag.endStream : 0, id, Buffer.from("body")));
      if (trailers.length > 0) {
        connection.send(frame(Type.headers, Flag.endHeaders | Flag.endStream, id, Buffer.concat(trailers)));
      }
    },
  });
  const rig = await Http1Rig.start();
  rig.proxy.apply([backend.port], AS_HTTP2);
  const client = new RawHttp1Client(rig.port);
  client.say(get("/a", "TE: trailers\r\nConnection: te\r\n"));
  await until(
    "an answer or the end",
    () => /\r\n\r\n(?:0\r\n|4\r\nbody\r\n0\r\n[\s\S]*\r\n\r\n$|body$)/.test(client.received) || client.ended,
  );
  const { received } = client;
  client.close();
  await rig.close();
  backend.stop();
  return received;
}

for (const [name, field] of [
  ["CR LF in a value", literal("x-a", "b\r\nx-injected: 1")],
  ["LF in a value", literal("x-a", "b\nx-injected: 1")],
  ["NUL in a value", literal("x-a", "b\0x-injected: 1")],
  ["CR LF in a name", literal("x-a: b\r\nx-injected", "1")],
  ["a colon in a name", literal("x-injected: 1", "b")],
  ["a name in upper case", literal("X-Injected", "1")],
  ["Transfer-Encoding", literal("transfer-encoding", "chunked")],
  ["Connection", literal("connection", "x-injected")],
  ["a second :status", literal(":status", "100")],
  ["a pseudo-header field of requests", literal(":path", "/x-injected")],
  ["two lengths", Buffer.concat([literal("content-length", "4"), literal("content-length", "40")])],
] as const) {
  it(`an HTTP/2 answer with ${name} is an error of ours, and nothing of it reaches the client`, async () => {
    const received = await askHttp2([field]);
    assert.match(received, /^HTTP\/1\.1 50[02] /);
    assert.ok(!received.includes("x-injected") && !received.includes("body"), received);
  });
}

it("an HTTP/2 answer that is right passes, trailers too, and its length is kept", async () => {
  const received = await askHttp2([literal("content-length", "4")]);
  assert.match(received, /^HTTP\/1\.1 200 OK\r\ncontent-length: 4\r\n[\s\S]*\r\n\r\nbody$/);
  assert.match(
    await askHttp2([literal("x-a", "b")], [literal("x-t", "1"), OK_TRAILERS]),
    /\r\n0\r\nx-t: 1\r\n/i,
  );
});

for (const [name, trailer] of [
  ["CR LF in a value", literal("x-t", "1\r\n\r\nHTTP/1.1 200 OK")],
  ["a pseudo-header field", literal(":status", "200")],
  ["Transfer-Encoding", literal("transfer-encoding", "chunked")],
] as const) {
  it(`HTTP/2 trailers with ${name} cut the answer off`, async () => {
    const received = await askHttp2([literal("x-a", "b")], [trailer]);
    // The connection may be cut before its first octet has left.
    assert.ok(received.split("HTTP/1.1").length <= 2, received);
    assert.ok(!received.includes("x-t") && !received.endsWith("0\r\n\r\n"), received);
  });
}

it("a request's fields cannot become others of an HTTP/1.1 endpoint's", async () => {
  await through(
    undefined,
    async (client, backend) => {
      client.say(
        `GET http://${WEB}/a HTTP/1.1\r\nHost: ${WEB}\r\nX-A: Host: other\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n`,
      );
      await client.hears("GET /a 0");
      assert.deepEqual(backend.fields.slice(0, 6), [
        "host",
        WEB,
        "x-a",
        "Host: other",
        "x-forwarded-for",
        "1.2.3.4",
      ]);
    },
    {},
    AS_HTTP1,
  );
});
