import assert from "node:assert/strict";
import { test } from "node:test";
import { HeadState, MAX_HEAD_OCTETS, readRequestHead } from "../../../src/proxy/port/request-head.ts";

const read = (text: string) => {
  const octets = Buffer.from(`xx${text}`, "latin1");
  return readRequestHead(octets, 2, text.length);
};

test("a head is read as far as the choice of a cluster needs it", () => {
  const text =
    "OPTIONS /a?b HTTP/1.1\r\nHOST:  Web.Test:80 \r\nContent-Type: Application/GRPC-Web\r\n" +
    "access-control-request-headers: X-Grpc-Web\r\nContent-Length: 0\r\n\r\n";
  assert.deepEqual(read(`${text}body`), {
    state: HeadState.complete,
    method: "OPTIONS",
    target: "/a?b",
    octets: text.length,
    host: "web.test:80",
    contentType: "application/grpc-web",
    preflightHeaders: "x-grpc-web",
    hasBody: true,
  });
});

test("every beginning of a head is incomplete", () => {
  const text = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  for (let octets = 0; octets < text.length; octets++)
    assert.equal(read(text.slice(0, octets)).state, HeadState.incomplete, `${octets} octets`);
  assert.equal(read(text).state, HeadState.complete);
});

test("an absolute target names the host before Host does, and its user part is no host", () => {
  assert.equal(read("GET http://B.test:8080/x HTTP/1.1\r\nHost: a\r\n\r\n").host, "b.test:8080");
  assert.equal(read("GET http://a@b/ HTTP/1.1\r\nHost: c\r\n\r\n").host, "c");
  assert.equal(read("GET / HTTP/1.0\r\n\r\n").host, "");
  assert.equal(read("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n").host, "[::1]:80");
});

test("what two readers could understand differently is invalid", () => {
  const lines = [
    "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
    "GET / HTTP/1.1\r\nX: a\0b\r\n\r\n",
    "GET  / HTTP/1.1\r\n\r\n",
    "GET / HTTP/2.0\r\n\r\n",
    "GET / HTTP/1.1 \r\n\r\n",
    "GET /\r\n\r\n",
    "GET / HTTP/1.1\n\n",
    "\r\nGET / HTTP/1.1\r\n\r\n",
  ];
  for (const text of lines) assert.equal(read(text).state, HeadState.invalid, JSON.stringify(text));
});

test("a head of more octets than are looked into is too large, one of as many is not", () => {
  const head = (octets: number): string => {
    const start = "GET / HTTP/1.1\r\nX: ";
    return `${start}${"a".repeat(octets - start.length - 4)}\r\n\r\n`;
  };
  assert.equal(read(head(MAX_HEAD_OCTETS)).state, HeadState.complete);
  assert.equal(read(head(MAX_HEAD_OCTETS + 1)).state, HeadState.tooLarge);
});
