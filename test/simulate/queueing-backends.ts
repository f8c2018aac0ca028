import type { ServerHttp2Stream } from "node:http2";
import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";

/*
 * A process of gRPC endpoints that serve one request at a time, each as long as its `x-service-ms` says; the others wait in their order. Waiting
 * and serving take no processor: the end of each is known when it arrives.
 */

/** One endpoint; its port goes to the parent. */
function startEndpoint(): Promise<number> {
  let freeAtMs = 0;
  const server = createServer();
  server.on("stream", (stream: ServerHttp2Stream, headers) => {
    const nowMs = performance.now();
    freeAtMs = Math.max(freeAtMs, nowMs) + Number(headers["x-service-ms"]);
    stream.on("error", () => {});
    stream.resume();
    setTimeout(() => {
      if (stream.destroyed) return;
      const answer = { ":status": 200, "content-type": "application/grpc", "grpc-status": "0" };
      stream.respond(answer, { endStream: true });
    }, freeAtMs - nowMs);
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}

const count = Number(process.argv[2]);
process.send!(await Promise.all(Array.from({ length: count }, startEndpoint)));
process.on("disconnect", () => process.exit());
