import assert from "node:assert/strict";
import { it } from "node:test";
import { Http1Rig, RawHttp1Client, WEB } from "./http1-rig.ts";
import { AS_HTTP1, get, rawBackend, throughHttp2 } from "./http1-stage.ts";

for (const [name, answer] of [
  ["a name that is no token", "HTTP/1.1 200 OK\r\nbad name: x\r\ncontent-length: 0\r\n\r\n"],
  ["CR in a value", "HTTP/1.1 200 OK\r\nx: a\rb\r\ncontent-length: 0\r\n\r\n"],
  ["NUL in a value", "HTTP/1.1 200 OK\r\nx: a\0b\r\ncontent-length: 0\r\n\r\n"],
  [
    "both a length and chunks",
    "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
  ],
  ["two lengths", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nabcdef"],
  ["a folded field", "HTTP/1.1 200 OK\r\nx: a\r\n b\r\ncontent-length: 0\r\n\r\n"],
  ["101 unasked", "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"],
  ["no HTTP at all", "SSH-2.0-x\r\n"],
  ["a head without end", `HTTP/1.1 200 OK\r\nx: ${"a".repeat(80_000)}\r\n\r\n`],
] as const) {
  it(`an endpoint's answer with ${name} is 502`, async () => {
    const backend = await rawBackend(answer);
    const rig = await Http1Rig.start();
    rig.proxy.apply([backend.port], AS_HTTP1);
    const client = new RawHttp1Client(rig.port);
    client.say(get());
    assert.match(await client.hears("(UPE)"), /^HTTP\/1\.1 502 /);
    client.close();
    await rig.close();
    backend.stop();
  });
}

it("an answer that comes unasked answers nobody", async () => {
  const backend = await rawBackend(
    "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison",
  );
  const rig = await Http1Rig.start();
  rig.proxy.apply([backend.port], AS_HTTP1);
  const [first, second] = [new RawHttp1Client(rig.port), new RawHttp1Client(rig.port)];
  first.say(get("/1"));
  await first.hears("ok");
  second.say(get("/2"));
  await second.hears("ok");
  assert.ok(!(first.received + second.received).includes("poison"));
  first.close();
  second.close();
  await rig.close();
  backend.stop();
});

it("an answer that is cut off does not look whole", async () => {
  const backend = await rawBackend("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n");
  const rig = await Http1Rig.start();
  rig.proxy.apply([backend.port], AS_HTTP1);
  const client = new RawHttp1Client(rig.port);
  client.say(get());
  const received = await client.closed();
  assert.ok(!received.includes("\r\n0\r\n"), received);
  await rig.close();
  backend.stop();
});

it("HTTP/2 endpoints get the request as HTTP/2, and each of them its share", async () => {
  const seen: string[] = [];
  await throughHttp2(
    (session) => {
      session.on("stream", (stream, headers) => {
        seen.push(
          `${headers[":method"]} ${headers[":authority"]} ${headers[":path"]} ${headers["x-a"]} ${headers.connection}`,
        );
        stream.additionalHeaders({ ":status": 103, link: "</a.css>" });
        stream.respond({ ":status": 201, "x-b": "2" }, { waitForTrailers: true });
        stream.on("wantTrailers", () => stream.sendTrailers({ "x-sum": "5" }));
        stream.pipe(stream);
      });
    },
    async (client) => {
      client.say(
        `PUT /a?b HTTP/1.1\r\nHost: ${WEB}\r\nX-A: 1\r\nTE: trailers\r\nConnection: te\r\nContent-Length: 5\r\n\r\nhello`,
      );
      const received = await client.hears("x-sum: 5\r\n\r\n");
      assert.match(
        received,
        /^HTTP\/1\.1 103 Early Hints\r\nlink: <\/a.css>\r\n\r\nHTTP\/1\.1 201 Created\r\n/,
      );
      assert.match(received, /\r\nx-b: 2\r\n/);
      assert.match(received, /hello/);
      assert.deepEqual(seen, [`PUT ${WEB} /a?b 1 undefined`]);
    },
  );
});

it("an HTTP/2 endpoint that is lost after its headers cuts the answer off; one that resets before them is an error", async () => {
  await throughHttp2(
    (session) => {
      session.on("stream", (stream, headers) => {
        stream.on("error", () => {});
        if (headers[":path"] === "/early") stream.close(2);
        else {
          stream.respond({ ":status": 200 });
          stream.write("part");
          setTimeout(() => session.destroy(), 20);
        }
      });
    },
    async (client) => {
      client.say(get("/early"));
      assert.match(await client.hears("\r\n\r\n"), /^HTTP\/1\.1 50[023] /);
      client.say(get("/late"));
      const received = await client.closed();
      assert.match(received, /part/);
      assert.ok(!received.endsWith("0\r\n\r\n"));
    },
  );
});
