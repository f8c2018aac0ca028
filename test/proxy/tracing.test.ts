import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import type { ReadSpan } from "../support/read-spans.ts";
import { readSpans } from "../support/read-spans.ts";
import { EchoBackend } from "../xds/client/echo-backends.ts";
import { ECHO } from "./fixture/local-proxy.ts";
import { ProxyProcess } from "./fixture/proxy-process.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT = "00f067aa0ba902b7";
const LIMIT_MS = 20_000;

/** A collector that keeps what it is sent. */
class Collector {
  readonly spans: ReadSpan[] = [];
  status = 200;
  requests = 0;
  readonly #server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      this.requests++;
      assert.deepEqual([request.method, request.url], ["POST", "/v1/traces"]);
      assert.equal(request.headers["content-type"], "application/x-protobuf");
      const { spans, resource, scope } = readSpans(Buffer.concat(parts));
      assert.deepEqual([resource["service.name"], scope], ["isobar", "isobar"]);
      if (this.status === 200) this.spans.push(...spans);
      response.writeHead(this.status, { "content-type": "application/x-protobuf" }).end();
    });
  });

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

const same = (octets: Buffer): Buffer => octets;

function call(
  client: Client,
  headers: Readonly<Record<string, string | Buffer>>,
  path = "/test.Echo/Name",
): Promise<number> {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  const deadline = { deadline: Date.now() + LIMIT_MS };
  return new Promise((resolve) => {
    client.makeUnaryRequest(path, same, same, Buffer.from("x"), metadata, deadline, (error) =>
      resolve(error?.code ?? 0),
    );
  });
}

async function until(check: () => boolean): Promise<void> {
  const end = performance.now() + LIMIT_MS;
  while (!check()) {
    assert.ok(performance.now() < end, "did not come about");
    await sleep(20);
  }
}

describe("tracing, from a caller through a running proxy to a collector", () => {
  const collector = new Collector();
  let backend: EchoBackend;
  let proxy: ProxyProcess | undefined;
  let client: Client;
  before(async () => {
    backend = await EchoBackend.start("a");
    const endpoint = `tracing: { endpoint: "http://127.0.0.1:${await collector.listen()}", ratio: 1 }`;
    const more = [endpoint, "explain: { sample: 0.000001 }"];
    proxy = await ProxyProcess.start([backend.port], { more, metrics: true });
    client = new Client(`127.0.0.1:${proxy.port}`, credentials.createInsecure(), {
      "grpc.default_authority": ECHO,
    });
  });
  after(async () => {
    collector.close();
    backend.stop();
    client?.close();
    await proxy?.terminate();
  });

  it("tells a call and its attempt, below the caller's span, and passes every header of tracing on untouched", async () => {
    const sent = {
      traceparent: `00-${TRACE}-${PARENT}-01`,
      tracestate: "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7",
      b3: `${TRACE}-${PARENT}-1`,
      "x-b3-traceid": TRACE,
      "x-b3-spanid": PARENT,
      "x-b3-sampled": "1",
      "grpc-trace-bin": Buffer.from("0000010203", "hex"),
    };
    assert.equal(await call(client, sent), 0);
    const seen = backend.seen.at(-1)!;
    for (const [name, value] of Object.entries(sent)) assert.deepEqual(seen.get(name), [value], name);
    await until(() => collector.spans.filter(({ traceId }) => traceId === TRACE).length === 2);
    const [root, attempt] = collector.spans.filter(({ traceId }) => traceId === TRACE) as [
      ReadSpan,
      ReadSpan,
    ];
    assert.deepEqual([root.name, root.kind, root.parentSpanId], ["test.Echo/Name", 2, PARENT]);
    const about = root.attributes;
    assert.deepEqual(
      [about["rpc.system"], about["rpc.service"], about["rpc.method"], about["rpc.grpc.status_code"]],
      ["grpc", "test.Echo", "Name", "0"],
    );
    assert.deepEqual(
      [
        about["isobar.cluster"],
        about["isobar.response_flag"],
        about["isobar.retries"],
        about["server.address"],
      ],
      [ECHO, "-", "0", ECHO],
    );
    assert.ok(about["isobar.lb_policy"] !== undefined);
    assert.deepEqual(
      [attempt.name, attempt.kind, attempt.parentSpanId, attempt.status],
      ["Attempt.test.Echo/Name", 3, root.spanId, 0],
    );
    const { "network.peer.address": address, "network.peer.port": port } = attempt.attributes;
    assert.deepEqual([address, port], ["127.0.0.1", String(backend.port)]);
    assert.ok(root.startNs <= root.endNs);
    assert.ok(Math.abs(Number(root.endNs / 1_000_000n) - Date.now()) < 60_000);
    for (const { spanId } of [root, attempt]) assert.match(spanId, /^(?!0{16})[0-9a-f]{16}$/);
  });

  it("begins a trace for a caller without one, by ratio, and leaves those alone that their callers do not record", async () => {
    const before = collector.spans.length;
    assert.equal(await call(client, { traceparent: `00-${"ab".repeat(16)}-${PARENT}-00` }), 0);
    assert.equal(await call(client, {}), 0);
    assert.equal(await call(client, { traceparent: "nonsense" }), 0);
    await until(() => collector.spans.length >= before + 4);
    const roots = collector.spans.slice(before).filter(({ kind }) => kind === 2);
    assert.equal(roots.length, 2);
    for (const { parentSpanId, traceId } of roots) {
      assert.equal(parentSpanId, "");
      assert.match(traceId, /^(?!0{32})[0-9a-f]{32}$/);
      assert.notEqual(traceId, "ab".repeat(16));
    }
  });

  it("names the pick of an attempt as `isobar explain` does, also where hardly any pick is recorded", async () => {
    const trace = "12".repeat(16);
    assert.equal(await call(client, { traceparent: `00-${trace}-${PARENT}-01` }), 0);
    const ofTrace = ({ traceId, kind }: ReadSpan): boolean => traceId === trace && kind === 3;
    await until(() => collector.spans.some(ofTrace));
    const pick = collector.spans.find(ofTrace)!.attributes["isobar.pick"] ?? "";
    assert.match(pick, /^0-\d+$/);
    const picks = await proxy!.picks(ECHO, 50);
    const found = picks.find(({ worker, number }) => `${worker}-${number}` === pick);
    assert.equal(found?.winner, `127.0.0.1:${backend.port}`);
  });

  it("gives new traces and all spans ids of their own", async () => {
    const before = collector.spans.length;
    for (let i = 0; i < 20; i++) assert.equal(await call(client, {}), 0);
    await until(() => collector.spans.length >= before + 40);
    const traces = collector.spans.slice(before).map(({ traceId }) => traceId);
    assert.equal(new Set(traces).size, 20);
    const spans = collector.spans.map(({ spanId }) => spanId);
    assert.equal(new Set(spans).size, spans.length);
  });

  it("marks what fails by the serving side's fault", async () => {
    const trace = "cd".repeat(16);
    assert.equal(await call(client, { traceparent: `00-${trace}-${PARENT}-01` }, "/test.Echo/Nothing"), 12);
    await until(() => collector.spans.some(({ traceId, kind }) => traceId === trace && kind === 2));
    const root = collector.spans.find(({ traceId, kind }) => traceId === trace && kind === 2)!;
    assert.deepEqual([root.status, root.attributes["rpc.grpc.status_code"]], [2, "12"]);
  });

  it("sees the traces of connections that stood before it was switched on", async () => {
    await proxy!.rewrite([backend.port], { more: [] });
    const off = { traceparent: `00-${"34".repeat(16)}-${PARENT}-01` };
    // Without tracing nothing arrives any more; how soon, the reload says.
    let seen: number;
    do {
      seen = collector.spans.length;
      assert.equal(await call(client, off), 0);
      await sleep(1_500);
    } while (collector.spans.length > seen);
    await proxy!.rewrite([backend.port]);
    await until(() => {
      void call(client, off);
      return collector.spans.length > seen;
    });
  });

  it("serves on while the collector takes nothing, and sends nothing twice", async () => {
    collector.status = 503;
    const before = collector.requests;
    const spans = collector.spans.length;
    assert.equal(await call(client, {}), 0);
    await until(() => collector.requests > before);
    collector.status = 200;
    const trace = "ef".repeat(16);
    assert.equal(await call(client, { traceparent: `00-${trace}-${PARENT}-01` }), 0);
    await until(() => collector.spans.length > spans);
    assert.ok(collector.spans.slice(spans).every(({ traceId }) => traceId === trace));
  });
});
