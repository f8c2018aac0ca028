import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { it } from "node:test";
import { LoadConnection } from "./fixture/load-connection.ts";
import { LocalProxy } from "./fixture/local-proxy.ts";
import { frame, Type } from "./fixture/raw-backend.ts";
import { until } from "./fixture/until.ts";
import { WorkerBackend } from "./fixture/worker-backend.ts";

const PINGS = 60_000;
const FRAME_OCTETS = 17;

it("a connection with much to read takes turns: a call on another is answered long before all is read", async () => {
  const proxy = await LocalProxy.start();
  const backend = await WorkerBackend.start(1);
  proxy.apply([backend.port]);
  const quiet = await LoadConnection.open(proxy.port);
  await new Promise<number>((resolve) => quiet.call(resolve));

  const flood = connect(proxy.port, "127.0.0.1");
  await once(flood, "connect");
  let octets = 0;
  flood.on("data", (part) => {
    octets += part.length;
  });
  const ping = frame(Type.ping, 0, 0, Buffer.alloc(8));
  const preface = Buffer.concat([
    Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    frame(Type.settings, 0, 0),
  ]);
  flood.write(Buffer.concat([preface, ...new Array<Buffer>(PINGS).fill(ping)]));

  const answeredAt: number[] = [];
  for (let i = 0; i < 5; i++) {
    assert.equal(await new Promise<number>((resolve) => quiet.call(resolve)), 1);
    answeredAt.push(Math.floor(octets / FRAME_OCTETS));
  }
  await until("every PING is answered", () => octets >= PINGS * FRAME_OCTETS, { limitMs: 20_000 });
  console.log(`calls answered after ${answeredAt.join(", ")} of ${PINGS} PINGs`);
  // A call takes a few turns of the loop, and each turn reads 512 frames of the flood at most, or one read of its socket.
  assert.ok(answeredAt[0]! < PINGS / 6, `${answeredAt}`);
  assert.ok(answeredAt[4]! < PINGS / 2, `${answeredAt}`);
  quiet.close();
  flood.destroy();
  await proxy.close();
  backend.stop();
});
