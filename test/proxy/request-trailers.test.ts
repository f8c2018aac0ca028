import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { it } from "node:test";
import { ECHO, LocalProxy } from "./fixture/local-proxy.ts";
import { Flag, frame, literal, RawBackend, Type } from "./fixture/raw-backend.ts";
import { until } from "./fixture/until.ts";

const HEAD = Buffer.concat([
  Buffer.from([0x83, 0x86]),
  literal(":path", "/test.Echo/Unary"),
  literal(":authority", ECHO),
  literal("content-type", "application/grpc"),
]);

it("trailers of a request end it at the endpoint, whether they come with it or later", async () => {
  const bodies: number[] = [];
  const backend = await RawBackend.start({
    onRequest: ({ connection, id, body }) => {
      bodies.push(body.length);
      connection.answer(id);
    },
  });
  const proxy = await LocalProxy.start();
  proxy.apply([backend.port]);
  const socket = connect(proxy.port, "127.0.0.1");
  await once(socket, "connect");
  socket.resume();
  const trailers = Flag.endHeaders | Flag.endStream;
  socket.write(
    Buffer.concat([
      Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
      frame(Type.settings, 0, 0),
      frame(Type.headers, Flag.endHeaders, 1, HEAD),
      frame(Type.data, 0, 1, Buffer.alloc(10)),
      frame(Type.headers, trailers, 1, literal("x-sum", "10")),
      frame(Type.headers, Flag.endHeaders, 3, HEAD),
    ]),
  );
  await until("the first is answered", () => bodies.length === 1);
  socket.write(frame(Type.data, 0, 3, Buffer.alloc(20)));
  socket.write(frame(Type.headers, trailers, 3, literal("x-sum", "20")));
  await until("the second is answered", () => bodies.length === 2);
  assert.deepEqual(bodies, [10, 20]);
  await proxy.settled();
  socket.destroy();
  await proxy.close();
  backend.stop();
});
