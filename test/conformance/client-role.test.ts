import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { GrpcStatus } from "../../src/grpc/status.ts";
import { LocalProxy } from "../proxy/fixture/local-proxy.ts";
import type { RawAnswer } from "../proxy/fixture/raw-client.ts";
import { answerOf, RawClient } from "../proxy/fixture/raw-client.ts";
import { until } from "../proxy/fixture/until.ts";
import { data, headers, ping, SETTINGS_ACK, settings } from "../support/frames.ts";
import { literalBlock, RESPONSE, TRAILERS } from "../support/literal-block.ts";
import { CONTROL_FAULTS } from "./control-faults.ts";
import { FRAMING_FAULTS } from "./framing-faults.ts";
import { MESSAGE_FAULTS } from "./message-faults.ts";
import type { ServerConnection } from "./scripted-server.ts";
import { ScriptedServer } from "./scripted-server.ts";
import type { FaultRow } from "./server-fault.ts";

const LIMIT_MS = 5000;
const INTERNAL_ERROR = 2;
const BYSTANDER = "bystander.test";

let proxy: LocalProxy;
let client: RawClient;
/** Its streams have windows of 1,000 octets. */
let slowClient: RawClient;
/** A server that behaves, and one stream of the same client to it from the first case to the last. */
let honest: ScriptedServer;
let longCall: Promise<RawAnswer>;
let endLongCall = (): void => {};
let cases = 0;

before(async () => {
  proxy = await LocalProxy.start();
  client = new RawClient(proxy.port);
  slowClient = new RawClient(proxy.port, { initialWindowSize: 1000 });
  honest = await ScriptedServer.start();
  honest.onRequest = (connection, id) => {
    connection.send(headers(id, literalBlock(RESPONSE)));
    endLongCall = () =>
      connection.send(data(id, "12345"), headers(id, literalBlock(TRAILERS), { end: true }));
  };
  proxy.apply([honest.port], { name: BYSTANDER });
  longCall = answerOf(client.open({ ":authority": BYSTANDER }, true));
});

after(async () => {
  assert.equal(client.goaway, -1, "the client was told to go");
  endLongCall();
  assert.equal((await longCall).status, GrpcStatus.ok, "a call to another server has suffered");
  assert.equal(honest.connections.length, 1);
  client.close();
  slowClient.close();
  await proxy.close();
  honest.stop();
});

/** A cluster of one server of its own, and calls to it. */
async function newServer(): Promise<{
  server: ScriptedServer;
  call: (from?: RawClient) => Promise<RawAnswer>;
}> {
  const server = await ScriptedServer.start();
  const name = `case-${cases++}.test`;
  proxy.apply([server.port], { name });
  const call = (from = client): Promise<RawAnswer> =>
    withLimit(from.call(Buffer.alloc(0), { ":authority": name }));
  return { server, call };
}

function withLimit(answer: Promise<RawAnswer>): Promise<RawAnswer> {
  const late = sleep(LIMIT_MS, undefined, { ref: false }).then(() => assert.fail("no answer in time"));
  return Promise.race([answer, late]);
}

async function assertHeard(connection: ServerConnection, wanted: RegExp): Promise<void> {
  const seen = (): string => connection.heard.join(", ");
  await until(`heard ${wanted}`, () => connection.heard.some((line) => wanted.test(line)), { seen });
}

async function tell([, , verdict, fault, kind]: FaultRow): Promise<void> {
  const { server, call } = await newServer();
  try {
    let held = (): void => {};
    server.onRequest = (connection, id) => {
      connection.send(headers(id, literalBlock(RESPONSE)));
      held = () => connection.send(data(id, "12345"), headers(id, literalBlock(TRAILERS), { end: true }));
      server.onRequest = (_, victim) => {
        server.onRequest = (next, nextId) => next.answer(nextId);
        connection.send(...fault(victim));
      };
    };
    const neighbour = call();
    await until(
      "the neighbour's stream is there",
      () => server.connections[0]?.heard.includes("HEADERS 1 end") === true,
    );
    const victim = await call(kind === "slow" ? slowClient : client);
    const connection = server.connections[0]!;
    const [what, code] = verdict.split(":");
    if (what === "ok") {
      assert.equal(victim.status, GrpcStatus.ok, victim.message);
    } else if (what === "stream") {
      await assertHeard(connection, new RegExp(`^RST_STREAM 3 ${code}$`));
      if (kind === "length") {
        assert.equal(victim.resetCode, INTERNAL_ERROR);
      } else {
        assert.equal(victim.status, GrpcStatus.internal, victim.message);
        assert.match(victim.message, /^isobar: invalid HTTP\/2 from an endpoint of /);
      }
    } else {
      await assertHeard(connection, new RegExp(`^GOAWAY 0 ${code}$`));
      assert.notEqual(connection.goodbye, "");
      assert.equal(victim.status, GrpcStatus.unavailable, victim.message);
      assert.match(victim.message, /^isobar: connection lost during the call to /);
      assert.equal((await neighbour).status, GrpcStatus.unavailable);
    }
    if (what !== "connection") {
      held();
      assert.equal((await neighbour).status, GrpcStatus.ok, "a call on the same connection has suffered");
      assert.ok(!connection.heard.some((line) => /^GOAWAY \d+ [^N]/.test(line)), connection.heard.join(", "));
    }
    assert.equal((await call()).status, GrpcStatus.ok, "the next call has suffered");
    const leaving = connection.heard.some((line) => line.startsWith("GOAWAY")) || what === "connection";
    if (!leaving && connection.socket.writable && !connection.socket.readableEnded) {
      assert.equal(server.connections.length, 1, "the connection was not used again");
    }
  } finally {
    server.stop();
  }
}

for (const [name, rows] of Object.entries({ FRAMING_FAULTS, CONTROL_FAULTS, MESSAGE_FAULTS })) {
  describe(`a server's ${name.split("_")[0]!.toLowerCase()} faults`, () => {
    for (const row of rows) {
      const [rule, title, verdict] = row;
      it(`${title} (${rule}): ${verdict}`, () => tell(row));
    }
  });
}

describe("a server that does not start as it must", () => {
  const starts: Readonly<Record<string, readonly Uint8Array[]>> = {
    "with another frame": [ping("hello")],
    "with an acknowledgement": [SETTINGS_ACK],
    "with HEADERS": [headers(1, literalBlock(RESPONSE))],
    "in HTTP/1.1": [Buffer.from("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n")],
    "with noise": [Buffer.alloc(200, 0xa5)],
    "with wrong SETTINGS": [settings({ 4: 2 ** 32 - 1 })],
  };
  for (const [how, greeting] of Object.entries(starts)) {
    it(`${how}: the call is UNAVAILABLE, and what comes later is served`, async () => {
      const { server, call } = await newServer();
      try {
        server.greeting = greeting;
        const { status, message } = await call();
        assert.equal(status, GrpcStatus.unavailable, message);
        assert.match(message, /^isobar: cannot connect to an endpoint of /);
        await assertHeard(server.connections[0]!, /^GOAWAY 0 (PROTOCOL|FRAME_SIZE|FLOW_CONTROL)_ERROR$/);
        assert.ok(
          !server.connections[0]!.heard.some((line) => line.startsWith("HEADERS")),
          "HEADERS before SETTINGS",
        );
        server.greeting = [settings()];
        assert.equal((await call()).status, GrpcStatus.ok);
      } finally {
        server.stop();
      }
    });
  }
});
