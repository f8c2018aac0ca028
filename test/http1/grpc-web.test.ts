import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Message } from "@bufbuild/protobuf";
import { create, toBinary } from "@bufbuild/protobuf";
import type { GenFile, GenMessage, GenService } from "@bufbuild/protobuf/codegenv2";
import { fileDesc, messageDesc, serviceDesc } from "@bufbuild/protobuf/codegenv2";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import type { Client } from "@connectrpc/connect";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-node";
import { status } from "@grpc/grpc-js";
import { clusterSettings } from "../../src/resource/cluster-settings.ts";
import { GrpcBackend } from "../proxy/fixture/grpc-backend.ts";
import { until } from "../proxy/fixture/until.ts";
import { Http1Rig, RawHttp1Client } from "./http1-rig.ts";

const GRPC = "grpc.test";
const HELLO = "\0\0\0\0\x05hello";

/**
 * The test backend's messages are plain octets. A message with one field of octets, number 1, read as octets by the backend, comes
 * back as it was, so a client with real messages can talk to it.
 */
type Octets = Message<"test.Octets"> & { value: Uint8Array };
const file: GenFile = fileDesc(
  Buffer.from(
    toBinary(
      FileDescriptorProtoSchema,
      create(FileDescriptorProtoSchema, {
        name: "test.proto",
        package: "test",
        syntax: "proto3",
        messageType: [
          { name: "Octets", field: [{ name: "value", number: 1, type: 12, label: 1, jsonName: "value" }] },
        ],
        service: [
          {
            name: "Echo",
            method: [
              { name: "Unary", inputType: ".test.Octets", outputType: ".test.Octets" },
              {
                name: "Download",
                inputType: ".test.Octets",
                outputType: ".test.Octets",
                serverStreaming: true,
              },
            ],
          },
        ],
      }),
    ),
  ).toString("base64"),
);
const octets = messageDesc(file, 0) as GenMessage<Octets>;
const echo = serviceDesc(file, 0) as GenService<{
  unary: { methodKind: "unary"; input: typeof octets; output: typeof octets };
  download: { methodKind: "server_streaming"; input: typeof octets; output: typeof octets };
}>;

function request(body: string, fields = "", type = "application/grpc-web+proto", method = "Unary"): string {
  const head = `POST /test.Echo/${method} HTTP/1.1\r\nHost: ${GRPC}\r\nContent-Type: ${type}\r\n`;
  return `${head}Content-Length: ${body.length}\r\n${fields}\r\n${body}`;
}

function base64(text: string): string {
  return Buffer.from(text, "latin1").toString("base64");
}

/** The body of the only answer in `received`, its chunks joined. */
function bodyOf(received: string): string {
  let rest = received.slice(received.indexOf("\r\n\r\n") + 4);
  let body = "";
  while (rest !== "") {
    const length = Number.parseInt(rest, 16);
    const from = rest.indexOf("\r\n") + 2;
    body += rest.slice(from, from + length);
    rest = rest.slice(from + length + 2);
  }
  return body;
}

describe("gRPC-Web over HTTP/1.1", () => {
  let rig: Http1Rig;
  let backend: GrpcBackend;
  let other: GrpcBackend;

  before(async () => {
    rig = await Http1Rig.start();
    backend = await GrpcBackend.start();
    other = await GrpcBackend.start();
    rig.proxy.apply([backend.port, other.port], {
      name: GRPC,
      settings: clusterSettings({ loadBalancing: { policy: "round_robin" } }),
    });
    rig.proxy.apply([backend.port], { name: `localhost:${rig.port}` });
  });
  after(async () => {
    await rig.close();
    backend.stop();
    other.stop();
  });

  async function ask(text: string): Promise<string> {
    const client = new RawHttp1Client(rig.port);
    client.say(text);
    const received = await client.hears("\r\n0\r\n\r\n").catch(() => client.received);
    client.close();
    return received;
  }

  describe("with a client of connect-web's protocol", () => {
    let client: Client<typeof echo>;

    before(() => {
      const transport = createGrpcWebTransport({
        baseUrl: `http://localhost:${rig.port}`,
        httpVersion: "1.1",
      });
      client = createClient(echo, transport);
    });

    it("a unary call answers, with metadata both ways", async () => {
      let header = new Headers();
      let trailer = new Headers();
      const answer = await client.unary(
        { value: Buffer.from("hello") },
        {
          headers: { "x-word": "one", "x-octets-bin": "AAEC" },
          onHeader: (found) => (header = found),
          onTrailer: (found) => (trailer = found),
        },
      );
      assert.equal(Buffer.from(answer.value).toString(), "hello");
      assert.equal(header.get("initial-x-word"), "one");
      assert.equal(trailer.get("trailing-x-word"), "one");
      assert.equal(trailer.get("trailing-x-octets-bin"), "AAEC");
      assert.deepEqual(backend.metadata.get("x-octets-bin"), [Buffer.from([0, 1, 2])]);
    });

    it("a deadline reaches the endpoint, and ends the call", async () => {
      await client.unary({ value: Buffer.from("a") }, { timeoutMs: 5000 });
      assert.ok(backend.timeLeftMs > 4000 && backend.timeLeftMs <= 5000, String(backend.timeLeftMs));
      await assert.rejects(
        client.unary({ value: Buffer.from("hang") }, { headers: { "grpc-timeout": "0m" } }),
        (error) => error instanceof ConnectError && error.code === Code.DeadlineExceeded,
      );
    });

    it("an unknown method fails with the endpoint's status", async () => {
      const answer = await ask(request(HELLO, "", "application/grpc-web", "Nothing"));
      assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/);
      assert.match(answer, new RegExp(`grpc-status: ${status.UNIMPLEMENTED}\r\n`));
    });
  });

  it("a unary call in octets: messages pass, trailers are the last message", async () => {
    const received = await ask(request(HELLO, "X-Word: one\r\n"));
    assert.match(received, /\r\ncontent-type: application\/grpc-web\+proto\r\n/);
    assert.match(received, /\r\ninitial-x-word: one\r\n/);
    const body = bodyOf(received);
    assert.equal(body.slice(0, HELLO.length), HELLO);
    const frame = Buffer.from(body.slice(HELLO.length), "latin1");
    assert.equal(frame[0], 0x80);
    assert.equal(frame.readUInt32BE(1), frame.length - 5);
    assert.equal(
      frame.subarray(5).toString(),
      "grpc-status: 0\r\ngrpc-message: OK\r\ntrailing-x-word: one\r\n",
    );
  });

  it("base64 comes and goes, whatever pieces it is in", async () => {
    for (const body of [
      base64(HELLO),
      base64(HELLO.slice(0, 4)) + base64(HELLO.slice(4, 5)) + base64(HELLO.slice(5)),
    ]) {
      const received = await ask(request(body, "", "application/grpc-web-text"));
      assert.match(received, /\r\ncontent-type: application\/grpc-web-text\+proto\r\n/);
      const parts = bodyOf(received).match(/[^=]+=*/g) ?? [];
      const octetsHeard = parts.map((part) => Buffer.from(part, "base64").toString("latin1")).join("");
      assert.equal(octetsHeard.slice(0, HELLO.length), HELLO);
      assert.match(octetsHeard.slice(HELLO.length), /^\x80\0\0\0.grpc-status: 0\r\n/);
    }
  });

  it("Accept decides in what form the answer comes", async () => {
    const text = await ask(request(HELLO, "Accept: application/grpc-web-text\r\n"));
    assert.match(text, /\r\ncontent-type: application\/grpc-web-text/);
    const binary = await ask(
      request(base64(HELLO), "Accept: application/grpc-web\r\n", "application/grpc-web-text"),
    );
    assert.equal(bodyOf(binary).slice(0, HELLO.length), HELLO);
  });

  it("what is not base64 is refused with 400, and reaches no endpoint as a message", async () => {
    for (const body of ["AAAAAA!o", "AAAA=AAA", "AAAAAA"]) {
      const client = new RawHttp1Client(rig.port);
      client.say(request(body, "", "application/grpc-web-text"));
      assert.match(await client.hears("\r\n\r\n"), /^HTTP\/1\.1 400 /, body);
      client.close();
    }
  });

  it("an answer of headers alone has its status there, and the connection goes on", async () => {
    const client = new RawHttp1Client(rig.port);
    client.say(request("\0\0\0\0\x07fail 12"));
    await client.hears("grpc-status: 12");
    client.say(request(HELLO));
    await client.hears("hello");
    client.close();
  });

  it("an error after the first message is in the last message", async () => {
    const body = bodyOf(await ask(request("\0\0\0\0\x04late")));
    assert.match(body, /^\x80[\s\S]{4}grpc-status: 10\r\ngrpc-message: late\r\n/);
  });

  it("messages of a stream come one by one, not when all are there", async () => {
    const client = new RawHttp1Client(rig.port);
    const command = "2000x1000";
    client.say(request(`\0\0\0\0\x09${command}`, "", "application/grpc-web", "Download"));
    await client.hears("\r\n\r\n");
    await until("the first message", () => client.received.includes("\0\0\x03\xe8"));
    assert.ok(!client.received.includes("grpc-status"));
    await client.hears("grpc-status: 0");
    assert.equal(bodyOf(client.received).split("\0\0\0\x03\xe8").length - 1, 2000);
    client.close();
  });

  it("a client that does not read holds the endpoint back, and gets everything when it does", async () => {
    const client = new RawHttp1Client(rig.port);
    client.socket.pause();
    client.say(request("\0\0\0\0\x0a160x100000", "", "application/grpc-web", "Download"));
    await until("the stream to be open", () => rig.proxy.dataPlane.streams > 0);
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.ok(rig.proxy.dataPlane.streams > 0, "16 MB must not have been taken in");
    assert.ok(rig.proxy.slabUsedOctets < 8 * 2 ** 20);
    client.socket.resume();
    await client.hears("grpc-status: 0");
    client.close();
  });

  it("a client that goes away cancels its call at the endpoint", async () => {
    const before = backend.cancelled + other.cancelled;
    const client = new RawHttp1Client(rig.port);
    client.say(request("\0\0\0\0\x04hang"));
    await until("the call to be there", () => rig.proxy.inFlight === 1);
    client.close();
    await until("the call to be cancelled", () => backend.cancelled + other.cancelled === before + 1);
    await until("nothing in flight", () => rig.proxy.inFlight === 0);
  });

  it("a hundred calls given up at any moment leave nothing behind", async () => {
    for (let i = 0; i < 100; i++) {
      const client = new RawHttp1Client(rig.port);
      client.say(request(`\0\0\0\x0b\xb8${"x".repeat(3000)}`).slice(0, 50 + i * 33));
      if (i % 4 === 0) await new Promise((resolve) => setTimeout(resolve, i % 12));
      client.close();
    }
    await until("no connection left", () => rig.handler.connections === 0);
    await rig.proxy.settled();
    assert.equal(backend.open + other.open, 0);
  });

  it("grpc-timeout is kept by the proxy: a call that hangs ends in time", async () => {
    const client = new RawHttp1Client(rig.port);
    client.say(request("\0\0\0\0\x04hang", "grpc-timeout: 100m\r\n"));
    await client.hears("grpc-status: 4");
    client.close();
  });

  it("calls of one connection go to all endpoints in turn, and are counted with the cluster's", async () => {
    const calls = [backend.calls, other.calls];
    const finished = rig.proxy.finished(0, 0, GRPC);
    const client = new RawHttp1Client(rig.port);
    for (let i = 1; i <= 10; i++) {
      client.say(request(HELLO));
      await client.hears("\r\n0\r\n\r\n", i);
    }
    client.close();
    assert.equal(backend.calls - calls[0]!, 5);
    assert.equal(other.calls - calls[1]!, 5);
    assert.equal(rig.proxy.finished(0, 0, GRPC) - finished, 10);
  });

  it("an endpoint that cannot be reached is left for another one", async () => {
    const gone = await GrpcBackend.start();
    rig.proxy.apply([gone.port, backend.port], {
      name: "moves.test",
      settings: clusterSettings({ loadBalancing: { policy: "round_robin" } }),
    });
    gone.stop();
    for (let i = 0; i < 4; i++) {
      const received = await ask(request(HELLO).replace(GRPC, "moves.test"));
      assert.match(received, /grpc-status: 0/);
    }
    rig.proxy.remove("moves.test");
  });

  it("a service can be called by a short name, as everywhere on the port", async () => {
    rig.proxy.apply([backend.port], { name: "short.namespace.svc.test:80" });
    assert.match(await ask(request(HELLO).replace(GRPC, "short.namespace")), /grpc-status: 0/);
    rig.proxy.remove("short.namespace.svc.test:80");
  });

  it("a plain request to a cluster of gRPC on such a connection is told so", async () => {
    const client = new RawHttp1Client(rig.port);
    client.say(request(HELLO));
    await client.hears("\r\n0\r\n\r\n");
    client.say(`GET / HTTP/1.1\r\nHost: ${GRPC}\r\n\r\n`);
    assert.match(await client.hears("send application/grpc-web"), /HTTP\/1\.1 421 /);
    client.say(`GET / HTTP/1.1\r\nHost: nobody.test\r\n\r\n`);
    assert.match(await client.hears("no cluster is configured"), /HTTP\/1\.1 404 [\s\S]*\(NR\)/);
    client.close();
  });
});
