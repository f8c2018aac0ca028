import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { ProgressLine } from "../../src/cli/simulate/progress-line.ts";

const { TERM = "" } = process.env;

/** What was written to a stream that is a terminal, or is none. */
function lineOn(isTTY: boolean): { line: ProgressLine; written: string[] } {
  const written: string[] = [];
  const stream = { isTTY, write: (text: string) => written.push(text) > 0 };
  return { line: new ProgressLine(stream as unknown as NodeJS.WriteStream), written };
}

describe("a progress line", () => {
  beforeEach(() => {
    Object.assign(process.env, { TERM: "xterm" });
  });
  afterEach(() => {
    Object.assign(process.env, { TERM });
  });

  it("counts runs where it is known how many there will be", () => {
    const { line, written } = lineOn(true);
    line.begin(2);
    line.ran();
    line.step();
    assert.equal(written.at(-1), "\r\x1b[K2 of 2 runs");
  });

  it("counts what is looked for where nobody knows how many runs that takes, and the runs beside it", () => {
    const { line, written } = lineOn(true);
    line.begin(3, "sizes");
    for (let i = 0; i < 7; i++) line.ran();
    line.step();
    assert.equal(written.at(-1), "\r\x1b[K1 of 3 sizes, 7 runs");
    line.clear();
    assert.equal(written.at(-1), "\r\x1b[K");
  });

  it("says nothing where there is no terminal, or one that cannot go back in its line", () => {
    const { line, written } = lineOn(false);
    line.begin(2);
    line.step();
    line.clear();
    Object.assign(process.env, { TERM: "dumb" });
    const dumb = lineOn(true);
    dumb.line.begin(2);
    dumb.line.step();
    dumb.line.clear();
    assert.deepEqual([...written, ...dumb.written], []);
  });
});
