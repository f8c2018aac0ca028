import { data, headers } from "../support/frames.ts";
import { indexingBlock, literalBlock, RESPONSE, TRAILERS } from "../support/literal-block.ts";
import type { FaultRow } from "./server-fault.ts";
import { end, inPieces, rawBlock, response, start, trailers, withField } from "./server-fault.ts";

/** Messages and their header sections, HPACK among them. */
export const MESSAGE_FAULTS: readonly FaultRow[] = [
  [
    "8.1",
    "informational responses before the final one",
    "ok",
    (id) => [
      headers(id, literalBlock({ ":status": "100" })),
      headers(id, literalBlock({ ":status": "103", link: "</x>" })),
      headers(id, literalBlock({ ":status": "103" })),
      start(id),
      end(id),
    ],
  ],
  [
    "8.1",
    "an informational response that ends the stream",
    "stream:PROTOCOL_ERROR",
    response({ ":status": "103" }, true),
  ],
  [
    "8.1",
    "DATA after an informational response",
    "stream:PROTOCOL_ERROR",
    (id) => [headers(id, literalBlock({ ":status": "100" })), data(id, "x")],
  ],
  [
    "8.1",
    "an informational response after the final one",
    "stream:PROTOCOL_ERROR",
    (id) => [start(id), headers(id, literalBlock({ ":status": "103" }))],
  ],
  ["8.6", "101 Switching Protocols", "stream:PROTOCOL_ERROR", response({ ":status": "101" })],
  ["8.3.2", "no :status", "stream:PROTOCOL_ERROR", response({ "content-type": "application/grpc" })],
  [
    "8.3.2",
    "two :status",
    "stream:PROTOCOL_ERROR",
    response([
      [":status", "200"],
      [":status", "200"],
    ]),
  ],
  ["8.3.2", "a :status of two digits", "stream:PROTOCOL_ERROR", response({ ":status": "20" })],
  ["8.3.2", "a :status that is no number", "stream:PROTOCOL_ERROR", response({ ":status": "2x0" })],
  ["8.3.2", "a :status below 100", "stream:PROTOCOL_ERROR", response({ ":status": "099" })],
  ["8.3.2", "an empty :status", "stream:PROTOCOL_ERROR", response({ ":status": "" })],
  [
    "8.3",
    "a request's pseudo-header field",
    "stream:PROTOCOL_ERROR",
    response({ ":status": "200", ":path": "/" }),
  ],
  [
    "8.3",
    "an unknown pseudo-header field",
    "stream:PROTOCOL_ERROR",
    response({ ":status": "200", ":reason": "OK" }),
  ],
  [
    "8.3",
    "a pseudo-header field after another",
    "stream:PROTOCOL_ERROR",
    response([
      ["x-a", "1"],
      [":status", "200"],
    ]),
  ],
  ["8.2.1", "a name in upper case", "stream:PROTOCOL_ERROR", withField("X-Upper", "1")],
  ["8.2.1", "a name with a space", "stream:PROTOCOL_ERROR", withField("x a", "1")],
  ["8.2.1", "a name with a colon", "stream:PROTOCOL_ERROR", withField("x:a", "1")],
  ["8.2.1", "an empty name", "stream:PROTOCOL_ERROR", withField("", "1")],
  ["8.2.1", "a value with a line feed", "stream:PROTOCOL_ERROR", withField("x-a", "1\n2")],
  ["8.2.1", "a value with a carriage return", "stream:PROTOCOL_ERROR", withField("x-a", "1\r2")],
  ["8.2.1", "a value with a NUL", "stream:PROTOCOL_ERROR", withField("x-a", "1\x002")],
  ["8.2.1", "a value that starts with a space", "stream:PROTOCOL_ERROR", withField("x-a", " 1")],
  ["8.2.1", "a value that ends with a tab", "stream:PROTOCOL_ERROR", withField("x-a", "1\t")],
  ...["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"].map(
    (name): FaultRow => ["8.2.2", `the field ${name}`, "stream:PROTOCOL_ERROR", withField(name, "close")],
  ),
  ["8.2.2", "te other than trailers", "stream:PROTOCOL_ERROR", withField("te", "gzip")],
  [
    "8.1",
    "trailers with a pseudo-header field",
    "stream:PROTOCOL_ERROR",
    trailers({ ":status": "200", "grpc-status": "0" }),
  ],
  ["8.1", "trailers without END_STREAM", "stream:PROTOCOL_ERROR", trailers(TRAILERS, false)],
  ["8.1", "trailers with a name in upper case", "stream:PROTOCOL_ERROR", trailers({ "Grpc-Status": "0" })],
  [
    "8.1",
    "trailers with a connection-specific field",
    "stream:PROTOCOL_ERROR",
    trailers({ ...TRAILERS, connection: "close" }),
  ],
  [
    "8.1.1",
    "less body than content-length",
    "stream:PROTOCOL_ERROR",
    (id) => [
      headers(id, literalBlock({ ...RESPONSE, "content-length": "9" })),
      data(id, "12345", { end: true }),
    ],
    "length",
  ],
  [
    "8.1.1",
    "less body than content-length, before trailers",
    "stream:PROTOCOL_ERROR",
    (id) => [headers(id, literalBlock({ ...RESPONSE, "content-length": "9" })), data(id, "12345"), end(id)],
    "length",
  ],
  [
    "8.1.1",
    "more body than content-length",
    "stream:PROTOCOL_ERROR",
    (id) => [headers(id, literalBlock({ ...RESPONSE, "content-length": "3" })), data(id, "12345")],
    "length",
  ],
  [
    "8.1.1",
    "two lengths that differ",
    "stream:PROTOCOL_ERROR",
    response([...Object.entries(RESPONSE), ["content-length", "5"], ["content-length", "6"]]),
  ],
  ["8.1.1", "a content-length that is no number", "stream:PROTOCOL_ERROR", withField("content-length", "+5")],
  [
    "10.5.1",
    "a header list above the limit",
    "stream:CANCEL",
    (id) => inPieces(id, literalBlock({ ...RESPONSE, "x-a": "v".repeat(40_000) }), 16_000),
  ],
  [
    "10.5.1",
    "trailers above the limit",
    "stream:PROTOCOL_ERROR",
    (id) => [
      start(id),
      ...inPieces(id, literalBlock({ ...TRAILERS, "x-a": "v".repeat(40_000) }), 16_000, true),
    ],
  ],
  [
    "7541 2.3.3",
    "an index that is not in the table",
    "connection:COMPRESSION_ERROR",
    rawBlock(0x88, 0x80 | 70),
  ],
  ["7541 6.1", "the index 0", "connection:COMPRESSION_ERROR", rawBlock(0x88, 0x80)],
  [
    "7541 5.1",
    "an integer without end",
    "connection:COMPRESSION_ERROR",
    rawBlock(0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f),
  ],
  [
    "7541 5.2",
    "a string longer than its block",
    "connection:COMPRESSION_ERROR",
    rawBlock(0x88, 0x00, 0x05, 0x61),
  ],
  [
    "7541 5.2",
    "Huffman code that ends with zeros",
    "connection:COMPRESSION_ERROR",
    rawBlock(0x88, 0x00, 0x01, 0x61, 0x81, 0x00),
  ],
  [
    "7541 5.2",
    "Huffman code with EOS",
    "connection:COMPRESSION_ERROR",
    rawBlock(0x88, 0x00, 0x01, 0x61, 0x84, 0xff, 0xff, 0xff, 0xff),
  ],
  [
    "7541 4.2",
    "a table size above the limit",
    "connection:COMPRESSION_ERROR",
    rawBlock(0x3f, 0xe2, 0x1f, 0x88),
  ],
  ["7541 4.2", "a table size after a field", "connection:COMPRESSION_ERROR", rawBlock(0x88, 0x20)],
  [
    "7541 4.2",
    "table sizes within the limit",
    "ok",
    (id) => [
      headers(id, Buffer.concat([Buffer.of(0x20, 0x3f, 0xe1, 0x1f), indexingBlock(":status", "200")])),
      end(id),
    ],
  ],
];
