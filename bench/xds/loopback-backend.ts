// A gRPC server on every loopback address and one port, as a process of its own: answers each call at once with an empty message.
import type { ServerHttp2Stream } from "node:http2";
import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";

const EMPTY_MESSAGE = Buffer.alloc(5);

const server = createServer();
server.on("stream", (stream: ServerHttp2Stream) => {
  stream.resume();
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  stream.on("error", () => {});
  stream.end(EMPTY_MESSAGE);
});
server.on("sessionError", () => {});
// Bound to all addresses, because loopback has 16 million of them; whoever comes from elsewhere is not let in.
server.on("connection", (socket) => {
  if (!/^(::ffff:)?127\./.test(socket.remoteAddress ?? "")) socket.destroy();
});
server.listen(0, "0.0.0.0", () => process.send!({ port: (server.address() as AddressInfo).port }));
process.on("disconnect", () => process.exit());
