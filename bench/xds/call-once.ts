import { once } from "node:events";
import type { ClientHttp2Session } from "node:http2";

/** Makes one unary call with an empty message. @returns its grpc-status; "" without one. */
export async function callOnce(session: ClientHttp2Session, authority: string): Promise<string> {
  const stream = session.request({
    ":method": "POST",
    ":path": "/bench.Echo/Call",
    ":authority": authority,
    "content-type": "application/grpc",
    te: "trailers",
  });
  let status = "";
  stream.on("response", (headers) => {
    status = String(headers["grpc-status"] ?? status);
  });
  stream.on("trailers", (trailers) => {
    status = String(trailers["grpc-status"] ?? status);
  });
  stream.on("error", () => {});
  stream.resume();
  stream.end(Buffer.alloc(5));
  // A stream that is refused is told by its status.
  await once(stream, "close").catch(() => undefined);
  return status;
}
