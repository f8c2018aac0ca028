import assert from "node:assert/strict";
import { it } from "node:test";
import { SeededRandom } from "../../../src/base/random.ts";
import { otlpRequest } from "../../../src/daemon/otlp-request.ts";
import type { CallRecord } from "../../../src/proxy/tracing/call-record.ts";
import type { SpanBatch } from "../../../src/proxy/tracing/span-batch.ts";
import { releaseBatch } from "../../../src/proxy/tracing/span-batch.ts";
import { SpanWriter } from "../../../src/proxy/tracing/span-writer.ts";
import { readSpans } from "../../support/read-spans.ts";

const ATTEMPT = {
  startMs: 1_700_000_000_000.25,
  endMs: 1_700_000_000_001.125,
  address: "10.1.2.3",
  port: 50_051,
  zone: "zone-a",
  isOk: false,
  pick: "1-77",
};
const CALL: CallRecord = {
  traceId: Uint8Array.from({ length: 16 }, (_, i) => i + 1),
  parentSpanId: Uint8Array.from({ length: 8 }, (_, i) => 0xf0 + i),
  startMs: 1_700_000_000_000.000_2,
  endMs: 1_763_983_139_999.999_8,
  path: "/shop.Cart/Größe",
  authority: "a".repeat(1_000),
  cluster: "cart.shop:1",
  policy: "least_request",
  route: "",
  grpcStatus: 14,
  responseFlag: "UF",
  retries: 2,
  requestOctets: 5_000_000_000,
  responseOctets: 0,
  sourcePod: "web-1",
  sourceNamespace: "shop",
  hasParent: true,
  attemptCount: 2,
  attempts: [ATTEMPT, { ...ATTEMPT, isOk: true, zone: "", pick: "" }],
};

function read(batches: readonly SpanBatch[]) {
  const from = { node: "n1", zone: "zone-a", version: "9.9.9" };
  return readSpans(otlpRequest(batches, from));
}

it("another library reads what a call and its attempts were, to the nanosecond and beyond 32 bits", () => {
  const writer = new SpanWriter(new SeededRandom(1));
  writer.write(CALL);
  const { resource, spans } = read(writer.take()!);
  assert.deepEqual(resource, {
    "service.name": "isobar",
    "service.version": "9.9.9",
    "k8s.node.name": "n1",
    "cloud.availability_zone": "zone-a",
  });
  const [call, first, second] = spans;
  assert.equal(spans.length, 3);
  assert.equal(call!.traceId, "0102030405060708090a0b0c0d0e0f10");
  assert.equal(call!.parentSpanId, "f0f1f2f3f4f5f6f7");
  assert.deepEqual([call!.name, call!.kind, call!.status], ["shop.Cart/Größe", 2, 2]);
  // What a double tells of a part of a millisecond that far from 1970.
  assert.equal(call!.startNs, 1_700_000_000_000_000_244n);
  assert.equal(call!.endNs, 1_763_983_139_999_999_756n);
  assert.deepEqual(call!.attributes, {
    "rpc.system": "grpc",
    "rpc.service": "shop.Cart",
    "rpc.method": "Größe",
    "rpc.grpc.status_code": "14",
    "server.address": "a".repeat(1_000),
    "k8s.pod.name": "web-1",
    "k8s.namespace.name": "shop",
    "isobar.cluster": "cart.shop:1",
    "isobar.lb_policy": "least_request",
    "isobar.response_flag": "UF",
    "isobar.retries": "2",
    "isobar.request.octets": "5000000000",
    "isobar.response.octets": "0",
  });
  assert.deepEqual(
    [first!.name, first!.kind, first!.parentSpanId, first!.traceId, first!.status],
    ["Attempt.shop.Cart/Größe", 3, call!.spanId, call!.traceId, 2],
  );
  assert.deepEqual([first!.startNs, first!.endNs], [1_700_000_000_000_250_000n, 1_700_000_000_001_125_000n]);
  assert.deepEqual(first!.attributes, {
    "rpc.system": "grpc",
    "previous-rpc-attempts": "0",
    "network.peer.address": "10.1.2.3",
    "network.peer.port": "50051",
    "isobar.endpoint.zone": "zone-a",
    "isobar.pick": "1-77",
  });
  assert.deepEqual([second!.status, second!.attributes["previous-rpc-attempts"]], [0, "1"]);
  assert.equal(new Set(spans.map(({ spanId }) => spanId)).size, 3);
});

it("what is more than one request goes into several batches, and none is told twice", () => {
  const writer = new SpanWriter(new SeededRandom(2));
  for (let i = 0; i < 1_300; i++) writer.write({ ...CALL, authority: "shop", attemptCount: 0, retries: i });
  const batches = writer.take()!;
  assert.deepEqual(
    batches.map(({ calls }) => calls),
    [512, 512, 276],
  );
  const retries = batches
    .flatMap((each) => read([each]).spans)
    .map((each) => each.attributes["isobar.retries"]);
  assert.deepEqual(
    retries,
    Array.from({ length: 1_300 }, (_, i) => String(i)),
  );
  assert.equal(writer.take(), undefined);
});

it("memory is used again when it has been released, and not before", () => {
  const writer = new SpanWriter(new SeededRandom(4));
  const next = (): SpanBatch => {
    writer.write(CALL);
    return writer.take()![0]!;
  };
  const [first, second] = [next(), next()];
  assert.notEqual(first.octets.buffer, second.octets.buffer);
  assert.equal(read([first]).spans.length, 3);
  releaseBatch(first);
  const [third, fourth] = [next(), next()];
  assert.ok([third, fourth].some(({ octets }) => octets.buffer === first.octets.buffer));
  assert.ok([third, fourth].every(({ octets }) => octets.buffer !== second.octets.buffer));
  assert.equal(read([second, third, fourth]).spans.length, 9);
});

it("what nobody takes is bounded, by calls and by octets", () => {
  for (const [attempts, least, most] of [
    [0, 4_096, 4_096],
    [16, 150, 2_000],
  ] as const) {
    const writer = new SpanWriter(new SeededRandom(5));
    const call = {
      ...CALL,
      path: `/${"p".repeat(1_000)}`,
      attemptCount: attempts,
      attempts: Array.from({ length: attempts }, () => ATTEMPT),
    };
    let written = 0;
    while (writer.write(attempts === 0 ? { ...CALL, authority: "shop", attemptCount: 0 } : call)) written++;
    assert.ok(written >= least && written <= most, `${written} calls`);
    const batches = writer.take()!;
    assert.equal(
      batches.reduce((sum, { calls }) => sum + calls, 0),
      written,
    );
    assert.ok(batches.every(({ octets }) => octets.length < 1_000_000));
  }
});

it("a call whose path nobody could read has a name all the same", () => {
  const writer = new SpanWriter(new SeededRandom(3));
  writer.write({ ...CALL, path: "", attemptCount: 0, grpcStatus: 5, hasParent: false });
  const [span] = read(writer.take()!).spans;
  assert.deepEqual([span!.name, span!.status, span!.parentSpanId], ["unknown", 0, ""]);
});
