import assert from "node:assert/strict";
import { test } from "node:test";
import { Detected, detectProtocol } from "../../../src/proxy/port/detect-protocol.ts";

/** Judged in the middle of other octets, which must not matter. */
function detect(text: string): Detected {
  const octets = Buffer.from(`PRI ${text}GET / `, "latin1");
  return detectProtocol(octets, 4, text.length);
}

test("every beginning of something known is undecided, and decided with the octet that decides", () => {
  const known: [string, Detected][] = [
    ["PRI ", Detected.http2],
    ["CONNECT ", Detected.connect],
    ["\x16\x03", Detected.tls],
    ...["GET ", "POST ", "OPTIONS ", "PATCH ", "PROPFIND ", "MKCOL "].map((each): [string, Detected] => [
      each,
      Detected.http1,
    ]),
  ];
  for (const [words, found] of known) {
    for (let octets = 0; octets < words.length; octets++)
      assert.equal(detect(words.slice(0, octets)), Detected.undecided, words.slice(0, octets));
    assert.equal(detect(words), found, words);
    assert.equal(detect(`${words}\0\xff`), found, `more behind ${words}`);
  }
});

test("what is nearly something known is other, as soon as it can be", () => {
  const others = [
    "PRJ",
    "get ",
    "GETS",
    "GET\t",
    "CONNECTED",
    "\x16\x02",
    "\x16\xff",
    "\x15",
    "\0",
    " GET ",
    "\x80",
    "\x7f",
  ];
  for (const words of [...others, "SSH-2.0-x", "EHLO a", "*1\r\n", "X", "BREW "])
    assert.equal(detect(words), Detected.other, JSON.stringify(words));
});
