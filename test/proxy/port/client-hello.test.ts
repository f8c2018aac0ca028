import assert from "node:assert/strict";
import { duplexPair } from "node:stream";
import { describe, it } from "node:test";
import type { ConnectionOptions } from "node:tls";
import { connect } from "node:tls";
import { SeededRandom } from "../../../src/base/random.ts";
import { HelloState, MAX_HELLO_OCTETS, readClientHello } from "../../../src/proxy/port/client-hello.ts";

const { incomplete, complete, invalid } = HelloState;

/** The ClientHello that Node's TLS sends. */
async function helloOf(options: ConnectionOptions): Promise<Buffer> {
  const [ours, theirs] = duplexPair();
  const socket = connect({ socket: ours, rejectUnauthorized: false, ...options });
  socket.on("error", () => {});
  const first = await new Promise<Buffer>((resolve) => theirs.once("data", resolve));
  socket.destroy();
  return first;
}

function read(octets: Uint8Array, offset = 0, length = octets.length - offset) {
  return readClientHello(octets, offset, length);
}

/** One handshake message in records of at most `size` octets. */
function records(message: Buffer, size: number): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) {
    const part = message.subarray(at, at + size);
    parts.push(Buffer.from([0x16, 3, 1, part.length >> 8, part.length & 0xff]), part);
  }
  return Buffer.concat(parts);
}

function extension(type: number, body: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(body.length, 2);
  return Buffer.concat([head, body]);
}

function serverName(name: string): Buffer {
  const octets = Buffer.from(name, "latin1");
  const list = Buffer.alloc(3);
  list.writeUInt16BE(octets.length, 1);
  const entry = Buffer.concat([list, octets]);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(entry.length, 0);
  return extension(0, Buffer.concat([length, entry]));
}

/** A handshake message with these extensions; undefined: without the block at all. */
function message(extensions: Buffer[] | undefined): Buffer {
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32, 7),
    Buffer.from([0]),
    // GREASE and one real suite.
    Buffer.from([0, 4, 0x2a, 0x2a, 0x13, 0x01]),
    Buffer.from([1, 0]),
  ]);
  const all = extensions === undefined ? Buffer.alloc(0) : Buffer.concat(extensions);
  const length = Buffer.alloc(extensions === undefined ? 0 : 2);
  if (extensions !== undefined) length.writeUInt16BE(all.length, 0);
  const whole = Buffer.concat([body, length, all]);
  return Buffer.concat([
    Buffer.from([1, whole.length >> 16, (whole.length >> 8) & 255, whole.length & 255]),
    whole,
  ]);
}

describe("the server name of a ClientHello", () => {
  it("is found in what Node's TLS sends, of every version, wherever it lies", async () => {
    for (const options of [
      { servername: "Echo.Default.svc.cluster.local" },
      { servername: "Echo.Default.svc.cluster.local", maxVersion: "TLSv1.2" as const },
      { servername: "Echo.Default.svc.cluster.local", ALPNProtocols: ["h2", "http/1.1"] },
    ]) {
      const hello = await helloOf(options);
      assert.deepEqual(read(hello), { state: complete, serverName: "echo.default.svc.cluster.local" });
      const moved = Buffer.concat([Buffer.alloc(99, 0x16), hello, Buffer.from("early data")]);
      assert.equal(read(moved, 99).serverName, "echo.default.svc.cluster.local");
    }
  });

  it("is empty where the client names none", async () => {
    assert.deepEqual(read(await helloOf({ servername: "" })), { state: complete, serverName: "" });
    assert.deepEqual(read(records(message(undefined), 9999)), { state: complete, serverName: "" });
    assert.deepEqual(read(records(message([]), 9999)), { state: complete, serverName: "" });
  });

  it("is waited for octet by octet, and never told too early", async () => {
    const hello = await helloOf({ servername: "a.test" });
    for (let length = 0; length < hello.length; length++) {
      assert.equal(read(hello, 0, length).state, incomplete, `${length} of ${hello.length} octets`);
    }
    assert.equal(read(hello).serverName, "a.test");
  });

  it("is found in a message split over records of every size", () => {
    const grease = extension(0x1a1a, Buffer.from([0]));
    const whole = message([
      grease,
      extension(43, Buffer.alloc(3)),
      serverName("b.test."),
      extension(0xfafa, Buffer.alloc(300)),
    ]);
    for (const size of [1, 2, 3, 4, 5, 7, 50, 100, whole.length, whole.length + 1]) {
      assert.deepEqual(read(records(whole, size)), { state: complete, serverName: "b.test" }, `by ${size}`);
    }
  });

  it("is not there in what is no ClientHello", () => {
    const whole = records(message([serverName("c.test")]), 9999);
    const changed = (at: number, value: number): Buffer => {
      const copy = Buffer.from(whole);
      copy[at] = value;
      return copy;
    };
    assert.equal(read(changed(0, 0x17)).state, invalid, "another record type");
    assert.equal(read(changed(1, 2)).state, invalid, "SSL 2");
    assert.equal(read(changed(5, 2)).state, invalid, "a ServerHello");
    assert.equal(read(changed(6, 1)).state, invalid, "longer than any");
    assert.equal(read(changed(43, 200)).state, invalid, "a session id that is too long");
    assert.equal(read(Buffer.from([0x16, 3, 1, 0, 0])).state, invalid, "an empty record");
    for (const name of ["", "a b", "ä.test", "a\0b", "-", "a..", "x".repeat(300)]) {
      assert.equal(read(records(message([serverName(name)]), 9999)).state, invalid, JSON.stringify(name));
    }
  });

  it("is not looked for beyond 16 KiB", () => {
    const large = records(message([extension(21, Buffer.alloc(20_000)), serverName("d.test")]), 16_000);
    assert.equal(read(large).state, invalid);
    const open = large.subarray(0, MAX_HELLO_OCTETS);
    assert.equal(read(open).state, invalid, "also when no more has come");
  });

  it("survives 200,000 mutated hellos without throwing, and says nothing that is no name", async () => {
    const random = new SeededRandom(20261122);
    const below = (limit: number): number => Math.floor(random.nextFloat() * limit);
    const seeds = [
      await helloOf({ servername: "fuzz.test" }),
      records(message([serverName("fuzz.test")]), 9999),
      records(message([serverName("fuzz.test")]), 11),
    ];
    for (let round = 0; round < 200_000; round++) {
      const copy = Buffer.from(seeds[round % seeds.length]!);
      for (let changes = below(4); changes >= 0; changes--) copy[below(copy.length)] = below(256);
      const { state, serverName: name } = read(copy, 0, below(3) === 0 ? below(copy.length) : copy.length);
      assert.ok(state === incomplete || state === complete || state === invalid);
      if (name !== "") assert.match(name, /^[a-z0-9_.-]+$/);
    }
  });
});
