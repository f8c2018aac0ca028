import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { GENERATION_NAME, parseGenerationFile } from "../../src/capture/generation-file.ts";

const FILE = {
  format: 1,
  generation: "a",
  startedMs: 5,
  pid: 7,
  port: 4001,
  workers: 2,
  ready: true,
  draining: false,
  writtenMs: 9,
};

describe("parseGenerationFile", () => {
  it("reads what a proxy says of itself", () => {
    const { pid: _, format: __, ...wanted } = FILE;
    assert.deepEqual(parseGenerationFile(JSON.stringify(FILE), "a"), wanted);
  });

  it("takes what is not said clearly for no", () => {
    const { ready, draining } = parseGenerationFile(
      JSON.stringify({ ...FILE, ready: "true", draining: 1 }),
      "a",
    );
    assert.deepEqual([ready, draining], [false, false]);
  });

  for (const [what, change, message] of [
    ["another format", { format: 2 }, /format: found 2, wanted 1/],
    ["the name of another folder", { generation: "b" }, /generation: found "b", wanted "a"/],
    ["a port that is none", { port: 70_000 }, /port: found 70000, wanted a number from 0 to 65535/],
    ["no workers", { workers: 0 }, /workers: found 0/],
    ["a time that is text", { writtenMs: "9" }, /writtenMs: found "9"/],
  ] as const)
    it(`refuses ${what}`, () => {
      const text = JSON.stringify({ ...FILE, ...change });
      assert.throws(() => parseGenerationFile(text, "a"), { name: "RangeError", message });
    });

  it("takes only names for generations that are one folder", () => {
    for (const name of ["..", ".hidden", "a/b", "a b", "", "x".repeat(64)])
      assert.doesNotMatch(name, GENERATION_NAME);
    for (const name of ["a", "8f3a-11.x", "x".repeat(63)]) assert.match(name, GENERATION_NAME);
  });
});
