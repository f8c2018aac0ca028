import assert from "node:assert/strict";
import { ClusterColumn } from "../../src/telemetry/cluster-counters.ts";
import { PolicyReason } from "../../src/telemetry/policy-reason.ts";
import { LocalProxy } from "../proxy/fixture/local-proxy.ts";
import { RawClient } from "../proxy/fixture/raw-client.ts";
import { hedging, retrying } from "../proxy/retry/retry-settings.ts";
import { Child } from "./harness/child.ts";
import { go } from "./harness/go.ts";
import { declare } from "./harness/suite.ts";

const READY_LIMIT_MS = 30_000;
const UNAVAILABLE = 14;
/** Field numbers of EchoRequest in proto/echo.proto. */
const CALL_ID = 7;
const DELAY_MS = 5;
const STATUS = 2;

/** @returns a gRPC message of an EchoRequest with these fields. */
function request(callId: string, numbers: readonly (readonly [field: number, value: number])[]): Buffer {
  const octets = [(CALL_ID << 3) | 2, callId.length, ...Buffer.from(callId)];
  for (const [field, value] of numbers) octets.push(field << 3, (value & 127) | 128, value >> 7);
  const message = Buffer.from(octets);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

async function withServers(
  count: number,
  act: (proxy: LocalProxy, client: RawClient, ports: readonly number[]) => Promise<void>,
): Promise<void> {
  const servers = Array.from(
    { length: count },
    (_, i) => new Child(go.program, ["serve", "--port", "0", "--name", `s${i}`]),
  );
  const proxy = await LocalProxy.start();
  const client = new RawClient(proxy.port);
  try {
    const ready = await Promise.all(
      servers.map((server) => server.waitForOutput(/^ready (\S+)$/m, READY_LIMIT_MS)),
    );
    await act(
      proxy,
      client,
      ready.map(([, address]) => Number(address!.split(":")[1])),
    );
  } finally {
    client.close();
    await proxy.close();
    await Promise.all(servers.map((server) => server.stop()));
  }
}

declare("a status of a grpc-go server is trailers alone, and is tried again elsewhere", [go], () =>
  withServers(3, async (proxy, client, ports) => {
    proxy.apply(ports, { settings: retrying({ attempts: 3 }) });
    const body = request("a", [[STATUS, UNAVAILABLE]]);
    const failed = await client.call(body, { ":path": "/isobar.test.Echo/Unary" });
    assert.equal(failed.status, UNAVAILABLE);
    assert.equal(failed.headers["grpc-status"], "14");
    const row = proxy.row();
    assert.equal(row[ClusterColumn.attempts], 3);
    assert.equal(row[ClusterColumn.policyRetries + PolicyReason.unavailable], 2);
    for (const port of ports) assert.equal(proxy.endpoints.requestsOf(proxy.slotOf(port)), 1);
    const other = await client.call(request("b", [[STATUS, 9]]), { ":path": "/isobar.test.Echo/Unary" });
    assert.equal(other.status, 9);
    assert.equal(row[ClusterColumn.attempts], 4);
  }),
);

declare("a slow call of grpc-go servers is hedged, and the one that loses is cancelled", [go], () =>
  withServers(2, async (proxy, client, ports) => {
    proxy.apply(ports, { settings: hedging({ methods: ["/isobar.test.Echo/*"], delayMs: 50 }) });
    const answer = await client.call(request("c", [[DELAY_MS, 300]]), { ":path": "/isobar.test.Echo/Unary" });
    assert.equal(answer.status, 0);
    assert.equal(proxy.row()[ClusterColumn.attempts], 2);
    assert.equal(proxy.row()[ClusterColumn.policyRetries + PolicyReason.hedge], 1);
    await proxy.settled();
  }),
);
