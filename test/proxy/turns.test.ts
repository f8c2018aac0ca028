import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { it } from "node:test";
import { LoadConnection } from "./fixture/load-connection.ts";
import { LocalProxy } from "./fixture/local-proxy.ts";
import { Flag, frame, literal, Type } from "./fixture/raw-backend.ts";
import { until } from "./fixture/until.ts";
import { WorkerBackend } from "./fixture/worker-backend.ts";

/** Requests for nobody: the proxy answers each itself, and no budget is against asking. */
const REQUESTS = 30_000;
const FRAME_HEAD_OCTETS = 9;

/** `:method POST`, `:scheme http` and `:path /` by the static table. */
const REQUEST = Buffer.concat([Buffer.from([0x83, 0x86, 0x84]), literal(":authority", "nobody:1")]);

it("a connection with much to read takes turns: a call on another is answered long before all is read", async () => {
  const proxy = await LocalProxy.start();
  const backend = await WorkerBackend.start(1);
  proxy.apply([backend.port]);
  const quiet = await LoadConnection.open(proxy.port);
  await new Promise<number>((resolve) => quiet.call(resolve));

  const flood = connect(proxy.port, "127.0.0.1");
  await once(flood, "connect");
  let answers = 0;
  let rest: Buffer = Buffer.alloc(0);
  flood.on("data", (part: Buffer) => {
    rest = Buffer.concat([rest, part]);
    while (rest.length >= FRAME_HEAD_OCTETS) {
      const end = FRAME_HEAD_OCTETS + rest.readUIntBE(0, 3);
      if (rest.length < end) return;
      if (rest[3] === Type.headers) answers++;
      rest = rest.subarray(end);
    }
  });
  const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  const requests = Array.from({ length: REQUESTS }, (_, i) =>
    frame(Type.headers, Flag.endHeaders | Flag.endStream, 2 * i + 1, REQUEST),
  );
  flood.write(Buffer.concat([preface, frame(Type.settings, 0, 0), ...requests]));

  const answeredAt: number[] = [];
  for (let i = 0; i < 5; i++) {
    assert.equal(await new Promise<number>((resolve) => quiet.call(resolve)), 1);
    answeredAt.push(answers);
  }
  await until("every request is answered", () => answers === REQUESTS, { limitMs: 20_000 });
  console.log(`calls answered after ${answeredAt.join(", ")} of ${REQUESTS} requests`);
  // A call takes a few turns of the loop, and each turn reads 512 frames of the flood at most, or one read of its socket.
  assert.ok(answeredAt[0]! < REQUESTS / 6, `${answeredAt}`);
  assert.ok(answeredAt[4]! < REQUESTS / 2, `${answeredAt}`);
  quiet.close();
  flood.destroy();
  await proxy.close();
  backend.stop();
});
