import { once } from "node:events";
import type { ServerHttp2Stream } from "node:http2";
import { createSecureServer } from "node:http2";
import type { AddressInfo } from "node:net";

/** A process with many endpoints that speak TLS and answer at once; tells their ports when all listen. */
const [count, cert, key] = process.argv.slice(2) as [string, string, string];
const ports: number[] = [];
for (let i = 0; i < Number(count); i++) {
  const server = createSecureServer({ cert, key });
  server.on("stream", (stream: ServerHttp2Stream) => {
    stream.on("error", () => {});
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.resume();
    if (stream.destroyed) return;
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    stream.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  ports.push((server.address() as AddressInfo).port);
}
process.send?.(ports);
process.on("disconnect", () => process.exit(0));
