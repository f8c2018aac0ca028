import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import { FramerState, RequestFramer } from "../../src/http1/request-framer.ts";
import { isFault, scanFields } from "../../src/http1/scan-fields.ts";

const MAX_HEAD_OCTETS = 1024;
const MAX_FIELDS = 20;

/** What a framer makes of octets that come in pieces. */
interface Outcome {
  readonly requests: readonly { readonly head: string; readonly body: string }[];
  readonly fault: number;
}

/** @param cuts lengths of the pieces; the last one repeats. */
function run(octets: Buffer, cuts: readonly number[]): Outcome {
  const framer = new RequestFramer(MAX_HEAD_OCTETS, MAX_FIELDS);
  const requests: { head: string; body: string }[] = [];
  let piece = 0;
  for (let from = 0; from < octets.length; piece++) {
    const length = cuts[Math.min(piece, cuts.length - 1)]!;
    const chunk = octets.subarray(from, from + length);
    from += length;
    for (let at = 0; at < chunk.length; ) {
      const { state } = framer;
      const before = at;
      at = framer.read(chunk, at);
      if (framer.fault !== undefined) return { requests, fault: framer.fault.status };
      if (state === FramerState.body) requests.at(-1)!.body += chunk.toString("latin1", before, at);
      else if (framer.head !== undefined && state !== FramerState.complete) {
        requests.push({ head: framer.headOctets.toString("latin1"), body: "" });
      }
      if (framer.state === FramerState.complete) framer.next();
    }
  }
  return { requests, fault: 0 };
}

const TRICKY = [
  "\r\n",
  "\n",
  "\r",
  "\0",
  " ",
  "\t",
  ":",
  ";",
  ",",
  "0",
  "5",
  "chunked",
  "identity",
  "HTTP/1.1",
  "\x80",
];
const LINE = fc.oneof(
  fc.constantFrom(
    "GET /a HTTP/1.1\r\n",
    "POST /b HTTP/1.1\r\n",
    "Host: a\r\n",
    "Content-Length: 5\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Connection: close\r\n",
    "\r\n",
    "hello",
    "5\r\nhello\r\n",
    "0\r\n\r\n",
    "X-A: b\r\n",
  ),
  fc.constantFrom(...TRICKY),
  fc.string({ maxLength: 4, unit: "binary-ascii" }),
);
const REQUESTS = fc.array(LINE, { maxLength: 30 }).map((parts) => Buffer.from(parts.join(""), "latin1"));
const CUTS = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 });
const VALID =
  "POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello" +
  "PUT /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x\r\nhello\r\n0\r\nX-T: 1\r\n\r\n" +
  "\r\nGET /d HTTP/1.1\r\nHost: a\r\n\r\n";

it("requests are cut in the same places whatever pieces they come in", () => {
  const whole = run(Buffer.from(VALID), [VALID.length]);
  assert.equal(whole.fault, 0);
  assert.deepEqual(
    whole.requests.map(({ body }) => body),
    ["hello", "5;x\r\nhello\r\n0\r\nX-T: 1\r\n\r\n", ""],
  );
  for (let length = 1; length < VALID.length; length++) {
    assert.deepEqual(run(Buffer.from(VALID), [length]), whole);
  }
});

it("any octets in any pieces: the same outcome, no exception, and nothing is handed on that is not in the input", () => {
  fc.assert(
    fc.property(REQUESTS, CUTS, (octets, cuts) => {
      const whole = run(octets, [Math.max(1, octets.length)]);
      const pieces = run(octets, cuts);
      assert.equal(pieces.fault, whole.fault);
      assert.deepEqual(
        pieces.requests.map(({ head }) => head),
        whole.requests.map(({ head }) => head),
      );
      const text = octets.toString("latin1");
      for (const { head, body } of pieces.requests) assert.ok(text.includes(head + body));
    }),
    { numRuns: 3000, seed: 15 },
  );
});

it("a head that is let through has one Host, one framing, and no control characters", () => {
  let passed = 0;
  fc.assert(
    fc.property(REQUESTS, (octets) => {
      const framer = new RequestFramer(MAX_HEAD_OCTETS, MAX_FIELDS);
      framer.read(octets, 0);
      const { head } = framer;
      if (head === undefined) return;
      passed++;
      const names = head.fields.filter((_, i) => i % 2 === 0);
      assert.equal(names.filter((name) => name === "host").length, 1);
      assert.ok(
        names.filter((name) => name === "content-length" || name === "transfer-encoding").length <= 1,
      );
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
      for (const text of head.fields) assert.doesNotMatch(text, /[\0-\x08\x0a-\x1f\x7f]/);
    }),
    {
      numRuns: 3000,
      seed: 16,
      examples: [[Buffer.from("GET / HTTP/1.1\r\nHost: a\r\n\r\n")]],
    },
  );
  assert.ok(passed > 0);
});

it("a head is held back until it is complete, and is never longer than it may be", () => {
  const framer = new RequestFramer(MAX_HEAD_OCTETS, MAX_FIELDS);
  framer.read(Buffer.from("GET / HTTP/1.1\r\nHost: a\r\n"), 0);
  assert.equal(framer.head, undefined);
  assert.equal(framer.state, FramerState.head);
  framer.read(Buffer.alloc(MAX_HEAD_OCTETS, "x"), 0);
  assert.equal(framer.fault?.status, 431);
});

it("trailers are bounded in octets and in number", () => {
  const start = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n";
  assert.equal(run(Buffer.from(`${start}X: ${"y".repeat(2000)}\r\n\r\n`), [7]).fault, 431);
  assert.equal(run(Buffer.from(`${start}${"X: y\r\n".repeat(21)}\r\n`), [7]).fault, 431);
});

it("fields are read with names in lower case and without the space around values", () => {
  assert.deepEqual(scanFields("A-B: \t c d \t\r\nE:\r\n", 0, 9), ["a-b", "c d", "e", ""]);
  assert.ok(isFault(scanFields("A: b\r\nC: d\r\n", 0, 1)));
});
