import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";

const PATH = "/test.Echo/Name";
const MESSAGE = Buffer.concat([Buffer.from([0, 0, 0, 0, 5]), Buffer.from("hello")]);

/**
 * Calls an echo backend through a proxy from an address of this machine that the caller chooses, which gRPC's own client cannot.
 *
 * @param source such as `127.9.0.1`.
 * @returns who answered each of the calls.
 * @throws Error when a call is not answered.
 */
export async function callFrom(
  source: string,
  proxyAddress: string,
  authority: string,
  calls: number,
): Promise<readonly string[]> {
  const [host = "", port = ""] = proxyAddress.split(":");
  const session = connectHttp2(`http://${authority}`, {
    createConnection: () => connect({ host, port: Number(port), localAddress: source }),
  });
  try {
    await once(session, "connect");
    const names: string[] = [];
    for (let i = 0; i < calls; i++) {
      const stream = session.request({
        ":method": "POST",
        ":path": PATH,
        ":authority": authority,
        te: "trailers",
        "content-type": "application/grpc",
      });
      stream.end(MESSAGE);
      const chunks: Buffer[] = [];
      let status = "";
      stream.on("trailers", (trailers) => {
        status = String(trailers["grpc-status"]);
      });
      for await (const chunk of stream) chunks.push(chunk as Buffer);
      if (status !== "0") throw new Error(`from ${source}: grpc-status ${status}`);
      names.push(Buffer.concat(chunks).subarray(5).toString());
    }
    return names;
  } finally {
    session.close();
  }
}
