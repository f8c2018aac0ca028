import assert from "node:assert/strict";
import { it } from "node:test";
import { grpcWebMediaType, wantsText } from "../../src/http1/grpc-web-media-type.ts";
import { trailerFrame } from "../../src/http1/trailer-frame.ts";

it("gRPC-Web is known by its content type, with or without suffix and parameters", () => {
  assert.deepEqual(grpcWebMediaType("application/grpc-web"), { text: false, suffix: "" });
  assert.deepEqual(grpcWebMediaType("Application/gRPC-Web+Proto; charset=x"), {
    text: false,
    suffix: "+proto",
  });
  assert.deepEqual(grpcWebMediaType("application/grpc-web-text+proto"), { text: true, suffix: "+proto" });
  for (const other of ["application/grpc", "application/grpc-webx", "text/application/grpc-web", ""]) {
    assert.equal(grpcWebMediaType(other), undefined, other);
  }
});

it("the answer has the form Accept asks for, else the request's", () => {
  const [text, binary] = [
    grpcWebMediaType("application/grpc-web-text")!,
    grpcWebMediaType("application/grpc-web")!,
  ];
  assert.equal(wantsText("", text), true);
  assert.equal(wantsText("*/*", text), true);
  assert.equal(wantsText("application/grpc-web", text), false);
  assert.equal(wantsText("", binary), false);
  assert.equal(wantsText("application/grpc-web-text", binary), true);
});

it("trailers are a message with flag 0x80, a line each", () => {
  const frame = trailerFrame(["grpc-status", "0", "X-A", "b"]);
  assert.equal(frame.toString("latin1"), "\x80\0\0\0\x18grpc-status: 0\r\nx-a: b\r\n");
});
