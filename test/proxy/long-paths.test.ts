import assert from "node:assert/strict";
import { connect } from "node:http2";
import { test } from "node:test";
import { GrpcBackend } from "./fixture/grpc-backend.ts";
import { LocalProxy } from "./fixture/local-proxy.ts";

const NAME = "echo.test:1";
const MESSAGE = Buffer.from([0, 0, 0, 0, 1, 42]);

test("paths of any length are passed on, as far as a header section may be large", async () => {
  const backend = await GrpcBackend.start();
  const proxy = await LocalProxy.start();
  proxy.apply([backend.port], { name: NAME });
  const client = connect(`http://127.0.0.1:${proxy.port}`);
  try {
    for (const octets of [100, 250, 256, 257, 300, 513, 4_000]) {
      const headers = {
        ":method": "POST",
        ":path": `/${"x".repeat(octets - 6)}/Echo`,
        ":authority": NAME,
        "content-type": "application/grpc",
        te: "trailers",
      };
      const stream = client.request(headers).end(MESSAGE).resume();
      const status = await new Promise((resolve, reject) => {
        stream.on("response", (response) => resolve(response["grpc-status"]));
        stream.on("error", reject);
      });
      // Of a method that the endpoint does not have, and says so itself.
      assert.equal(status, "12", `${octets} octets`);
    }
  } finally {
    client.destroy();
    backend.stop();
    await proxy.close();
  }
});
