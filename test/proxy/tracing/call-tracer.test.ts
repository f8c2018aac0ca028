import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { CallRecord } from "../../../src/proxy/tracing/call-record.ts";
import { LocalProxy } from "../fixture/local-proxy.ts";
import { Flag, frame, RawBackend, RESPONSE_HEADERS, Type } from "../fixture/raw-backend.ts";
import { RawClient } from "../fixture/raw-client.ts";
import { until } from "../fixture/until.ts";

describe("a call that is traced", () => {
  let backend: RawBackend;
  let proxy: LocalProxy;
  let client: RawClient;

  beforeEach(async () => {
    backend = await RawBackend.start({
      onRequest: ({ id, connection }) =>
        connection.send(frame(Type.headers, Flag.endHeaders | Flag.endStream, id, RESPONSE_HEADERS)),
    });
    proxy = await LocalProxy.start();
    proxy.apply([backend.port]);
    client = new RawClient(proxy.port);
  });
  afterEach(async () => {
    client.close();
    backend.stop();
    // Or the slab would not be as it was.
    proxy.dataPlane.tracer.configure({ ratio: undefined });
    await proxy.close();
  });

  it("leaves no memory behind when nothing is traced any more, and is traced again after that", async () => {
    const { tracer } = proxy.dataPlane;
    for (let round = 0; round < 3; round++) {
      tracer.configure({ ratio: 1 });
      await client.call(Buffer.alloc(5)).catch(() => {});
      await until("the call has ended", () => tracer.take()?.length === 1);
      tracer.configure({ ratio: undefined });
    }
  });

  it("has the status that it counts with: UNKNOWN where the endpoint says none", async () => {
    const { tracer } = proxy.dataPlane;
    tracer.configure({ ratio: 1 });
    void client.call(Buffer.alloc(5)).catch(() => {});
    const records: CallRecord[] = [];
    await until("the call has ended", () => records.push(...(tracer.take() ?? [])) > 0);
    assert.deepEqual(
      records.map(({ grpcStatus, attempts }) => [grpcStatus, attempts.length]),
      [[2, 1]],
    );
  });
});
