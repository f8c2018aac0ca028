import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { otlpRequest } from "../../../src/daemon/otlp-request.ts";
import type { SpanBatch } from "../../../src/proxy/tracing/span-batch.ts";
import { readSpans } from "../../support/read-spans.ts";
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
      await until("the call has ended", () => tracer.take()?.[0]?.calls === 1);
      tracer.configure({ ratio: undefined });
    }
  });

  it("has the status that it counts with: UNKNOWN where the endpoint says none", async () => {
    const { tracer } = proxy.dataPlane;
    tracer.configure({ ratio: 1 });
    void client.call(Buffer.alloc(5)).catch(() => {});
    const batches: SpanBatch[] = [];
    await until("the call has ended", () => batches.push(...(tracer.take() ?? [])) > 0);
    const from = { node: "n", zone: "", version: "1" };
    const { spans } = readSpans(otlpRequest(batches, from));
    assert.deepEqual(
      spans.map(({ kind, status, attributes }) => [kind, status, attributes["rpc.grpc.status_code"]]),
      [
        [2, 2, "2"],
        [3, 2, undefined],
      ],
    );
  });

  it("is one of so many as the ratio says", async () => {
    const { tracer } = proxy.dataPlane;
    tracer.configure({ ratio: 0.25 });
    let ended = 0;
    for (let i = 0; i < 400; i++) {
      await client.call(Buffer.alloc(5)).catch(() => {});
      for (const { calls } of tracer.take() ?? []) ended += calls;
    }
    // Four standard deviations, and what has not ended yet.
    assert.ok(ended > 60 && ended < 140, `${ended} of 400`);
  });
});
