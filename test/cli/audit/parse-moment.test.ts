import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseMoment } from "../../../src/cli/audit/parse-moment.ts";

const NOW = Date.parse("2026-11-23T12:30:00.000Z");

function at(text: string): string | undefined {
  const ms = parseMoment(text, NOW);
  return ms === undefined ? undefined : new Date(ms).toISOString();
}

describe("a moment as people write it", () => {
  it("is the last time it was that late", () => {
    assert.equal(at("12:03:01"), "2026-11-23T12:03:01.000Z");
    assert.equal(at("12:03:01.5"), "2026-11-23T12:03:01.500Z");
    assert.equal(at("9:15"), "2026-11-23T09:15:00.000Z");
    assert.equal(at("12:30:01"), "2026-11-22T12:30:01.000Z", "today it has not been that late yet");
  });

  it("is a date with time and offset, or with neither", () => {
    assert.equal(at("2026-11-20T08:00:00+02:00"), "2026-11-20T06:00:00.000Z");
    assert.equal(at("2026-11-20 08:00"), "2026-11-20T08:00:00.000Z");
    assert.equal(at("2026-11-20T08:00:00.25"), "2026-11-20T08:00:00.250Z");
    assert.equal(at("2026-11-20"), "2026-11-20T00:00:00.000Z");
  });

  it("is so long ago, or now", () => {
    assert.equal(at("-5m"), "2026-11-23T12:25:00.000Z");
    assert.equal(at("1h30m"), "2026-11-23T11:00:00.000Z");
    assert.equal(at("-2d10s"), "2026-11-21T12:29:50.000Z");
    assert.equal(at("now"), "2026-11-23T12:30:00.000Z");
  });

  it("is nothing else", () => {
    for (const text of [
      "",
      "noon",
      "24:00",
      "12:60",
      "12",
      "-5",
      "5 m",
      "2026-13-01",
      "2026-11-20T",
      "--node",
    ])
      assert.equal(at(text), undefined, text);
  });
});
