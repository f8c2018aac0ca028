import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { it } from "node:test";
import type { Cluster } from "../../src/resource/cluster.ts";
import { until } from "../proxy/fixture/until.ts";
import { Http1Rig, RawHttp1Client, WEB } from "./http1-rig.ts";

const ASK = `GET /chat HTTP/1.1\r\nHost: ${WEB}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: abc\r\n\r\n`;

/** A backend that agrees to WebSocket (or does as told) and says back whatever comes. */
async function through(
  onUpgrade: ((socket: Duplex) => void) | undefined,
  cluster: Partial<Cluster>,
  test: (
    client: RawHttp1Client,
    seen: { paths: string[]; sockets: Duplex[] },
    rig: Http1Rig,
  ) => Promise<void>,
): Promise<void> {
  const seen = { paths: [] as string[], sockets: [] as Duplex[] };
  const server = createServer((request, response) => {
    seen.paths.push(request.url!);
    response.writeHead(403, { "content-length": "2" });
    response.end("no");
  });
  if (onUpgrade !== undefined) {
    server.on("upgrade", (request, socket, head) => {
      seen.paths.push(request.url!);
      seen.sockets.push(socket);
      socket.on("error", () => {});
      if (head.length > 0) socket.write(head);
      onUpgrade(socket);
    });
  }
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const rig = await Http1Rig.start({ freeConnectionMs: 100 });
  const { port } = server.address() as AddressInfo;
  rig.proxy.apply([port], { name: WEB, protocol: "http1", h2UpgradePolicy: "DO_NOT_UPGRADE", ...cluster });
  const client = new RawHttp1Client(rig.port);
  await test(client, seen, rig);
  client.close();
  await until("nothing in flight", () => rig.proxy.inFlight === 0);
  await until("endpoints' connections gone", () => seen.sockets.every((socket) => socket.destroyed));
  await rig.close();
  server.closeAllConnections();
  server.close();
}

function agree(socket: Duplex): void {
  socket.write(
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Accept: x\r\n\r\nhi:",
  );
  socket.pipe(socket);
}

it("when the endpoint agrees, octets pass both ways, also those sent before it did", async () => {
  await through(agree, {}, async (client, _, rig) => {
    client.say(`${ASK}early `);
    const received = await client.hears("hi:early ");
    assert.match(received, /^HTTP\/1\.1 101 Switching Protocols\r\n/);
    assert.match(received, /sec-websocket-accept: x\r\n/i);
    client.say("GET /smuggled HTTP/1.1\r\n\r\n\0\xff");
    await client.hears("GET /smuggled HTTP/1.1\r\n\r\n\0\xff");
    assert.equal(rig.proxy.inFlight, 1);
  });
});

it("the endpoint's end is the client's", async () => {
  await through(agree, {}, async (client, { sockets }) => {
    client.say(ASK);
    await client.hears("hi:");
    sockets[0]!.end("bye");
    assert.match(await client.closed(), /bye$/);
  });
});

it("what is behind a request that the endpoint declines is nothing the endpoint hears", async () => {
  await through(undefined, {}, async (client, { paths }) => {
    client.say(`${ASK}GET /smuggled HTTP/1.1\r\nHost: ${WEB}\r\n\r\n`);
    const received = await client.closed();
    assert.match(received, /^HTTP\/1\.1 403 Forbidden\r\n/);
    assert.match(received, /no$/);
    assert.deepEqual(paths, ["/chat"]);
  });
});

it("an endpoint that changes to something else is 502", async () => {
  const other = (socket: Duplex): void => {
    socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
    socket.on("end", () => socket.end()).resume();
  };
  await through(other, {}, async (client) => {
    client.say(ASK);
    assert.match(await client.closed(), /^HTTP\/1\.1 502 [\s\S]*\(UPE\)/);
  });
});

it("endpoints of HTTP/2 have no WebSocket: 501", async () => {
  await through(agree, { protocol: "http2", h2UpgradePolicy: "UPGRADE" }, async (client, { paths }) => {
    client.say(ASK);
    assert.match(await client.closed(), /^HTTP\/1\.1 501 /);
    assert.deepEqual(paths, []);
  });
});

it("an upgrade to anything else, HTTP/2 for one, is not passed on: the request is answered as it is", async () => {
  await through(agree, {}, async (client, { paths }) => {
    client.say(
      `GET /plain HTTP/1.1\r\nHost: ${WEB}\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n`,
    );
    await client.hears("no");
    assert.deepEqual(paths, ["/plain"]);
  });
});
