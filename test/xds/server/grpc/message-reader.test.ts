import assert from "node:assert/strict";
import { it } from "node:test";
import { MessageReader } from "../../../../src/xds/server/grpc/message-reader.ts";

function framed(message: Buffer, compressed = 0): Buffer {
  const head = Buffer.alloc(5);
  head[0] = compressed;
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

const MESSAGES = ["", "a", "two", "x".repeat(300), "", "last"].map((text) => Buffer.from(text));

it("messages are the same however their octets are cut", () => {
  const stream = Buffer.concat(MESSAGES.map((each) => framed(each)));
  for (const size of [1, 2, 3, 5, 6, 7, 64, 305, stream.length]) {
    const read: string[] = [];
    const reader = new MessageReader(1_000, (octets) => read.push(octets.toString()));
    for (let at = 0; at < stream.length; at += size) {
      // What has been handed over is not looked at again: it is overwritten as the read area is.
      const piece = Buffer.from(stream.subarray(at, at + size));
      reader.read(piece);
      piece.fill(0xdb);
    }
    assert.deepEqual(read, MESSAGES.map(String), `pieces of ${size}`);
  }
});

it("what came whole is handed on where it lies", () => {
  const chunk = framed(Buffer.from("message"));
  const reader = new MessageReader(1_000, (octets) => assert.equal(octets.buffer, chunk.buffer));
  reader.read(chunk);
});

const REFUSED: readonly (readonly [string, Buffer, number, RegExp])[] = [
  ["a message that is too long", framed(Buffer.alloc(1_001)), 8, /1001 octets, wanted at most 1000/],
  ["a compressed message", framed(Buffer.from("z"), 1), 12, /compressed/],
];
for (const [name, octets, code, message] of REFUSED) {
  it(`${name} is refused as soon as its head has come`, () => {
    const reader = new MessageReader(1_000, () => assert.fail("it was handed on"));
    reader.read(octets.subarray(0, 4));
    assert.throws(() => reader.read(octets.subarray(4, 5)), { name: "MessageError", code, message });
  });
}
