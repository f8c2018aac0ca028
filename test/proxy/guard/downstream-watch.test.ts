import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ConnectionState } from "../../../src/h2/connection-state.ts";
import { DownstreamWatch, WatchVerdict } from "../../../src/proxy/guard/downstream-watch.ts";
import type { GuardOptions } from "../../../src/proxy/guard/guard-options.ts";
import { GUARD_DEFAULTS } from "../../../src/proxy/guard/guard-options.ts";

/** The columns of a connection that a watch reads. */
interface Facts {
  settingsSeen: boolean;
  incompleteSinceMs: number;
  activeStreams: number;
  lastReceivedMs: number;
  highestPeerId: number;
}

function watched(changes: Partial<GuardOptions> = {}, draw = 0.5) {
  const options = { ...GUARD_DEFAULTS, ...changes };
  const watch = new DownstreamWatch(options, 1000, draw);
  const facts: Facts = {
    settingsSeen: true,
    incompleteSinceMs: 0,
    activeStreams: 0,
    lastReceivedMs: 1000,
    highestPeerId: 0,
  };
  const at = (nowMs: number, now: Partial<Facts> = {}) => {
    Object.assign(facts, now);
    return watch.check(facts as unknown as ConnectionState, options, 1000 + nowMs);
  };
  return { at, watch };
}

describe("a client's connection", () => {
  it("has 10 s for its preface and SETTINGS", () => {
    const { at } = watched();
    assert.equal(at(9999, { settingsSeen: false }), WatchVerdict.none);
    assert.equal(at(10_000), WatchVerdict.handshakeTimeout);
    assert.equal(at(10_000, { settingsSeen: true }), WatchVerdict.none);
  });

  it("has 10 s to complete a header section, however many octets trickle in", () => {
    const { at } = watched();
    assert.equal(at(50_000, { incompleteSinceMs: 45_000, lastReceivedMs: 51_000 }), WatchVerdict.none);
    assert.equal(at(53_999, { lastReceivedMs: 54_900 }), WatchVerdict.none);
    assert.equal(at(54_000), WatchVerdict.headersTimeout);
  });

  it("is asked for a sign of life only with streams open, once, after two minutes of silence", () => {
    const { at } = watched();
    assert.equal(at(3_600_000), WatchVerdict.none, "idle for an hour");
    assert.equal(at(3_600_000, { activeStreams: 1, lastReceivedMs: 3_600_000 }), WatchVerdict.none);
    assert.equal(at(3_718_999), WatchVerdict.none);
    assert.equal(at(3_719_000), WatchVerdict.ping);
    assert.equal(at(3_720_000), WatchVerdict.none);
    assert.equal(at(3_778_999), WatchVerdict.none, "stopped in a debugger");
    assert.equal(at(3_779_000), WatchVerdict.keepaliveTimeout);
  });

  it("is left alone when any octet has come since the PING, and asked again after the next silence", () => {
    const { at } = watched();
    assert.equal(at(120_000, { activeStreams: 1 }), WatchVerdict.ping);
    assert.equal(at(180_500, { lastReceivedMs: 180_900 }), WatchVerdict.none);
    assert.equal(at(299_899), WatchVerdict.none);
    assert.equal(at(300_000), WatchVerdict.ping);
    assert.equal(at(360_000, { activeStreams: 0 }), WatchVerdict.none, "nothing waits for it any more");
    assert.equal(at(361_000, { activeStreams: 1, lastReceivedMs: 361_500 }), WatchVerdict.none);
  });

  it("is not judged by a time in which it was not read", () => {
    const { at, watch } = watched();
    assert.equal(at(120_000, { activeStreams: 1 }), WatchVerdict.ping);
    watch.restart();
    assert.equal(at(180_000), WatchVerdict.ping);
    assert.equal(at(239_999), WatchVerdict.none);
  });

  it("is not asked at all where keepalive is off", () => {
    const { at } = watched({ keepaliveTimeMs: 0 });
    assert.equal(at(10 ** 9, { activeStreams: 1 }), WatchVerdict.none);
  });

  it("stays for ever without streams by default, and is asked to go once where there is a limit", () => {
    const { at } = watched({ idleTimeoutMs: 5000 });
    assert.equal(at(0), WatchVerdict.none);
    assert.equal(at(4000, { highestPeerId: 1 }), WatchVerdict.none);
    assert.equal(at(8000, { activeStreams: 1 }), WatchVerdict.none);
    assert.equal(at(9000, { activeStreams: 0 }), WatchVerdict.none, "idle from here on");
    assert.equal(at(13_999), WatchVerdict.none);
    assert.equal(at(14_000), WatchVerdict.idle);
    assert.equal(at(15_000), WatchVerdict.none);
  });

  it("is asked to go at an age drawn from 10 % around the one that is set, with streams or without", () => {
    for (const [draw, goneByMs] of [
      [0, 90_000],
      [0.5, 100_000],
      [0.999, 109_980],
    ] as const) {
      for (const activeStreams of [0, 1]) {
        const { at } = watched({ maxConnectionAgeMs: 100_000, keepaliveTimeMs: 0 }, draw);
        assert.equal(at(goneByMs - 1, { activeStreams }), WatchVerdict.none);
        assert.equal(at(goneByMs + 1), WatchVerdict.maxAge);
        assert.equal(at(goneByMs + 2), WatchVerdict.none);
      }
    }
    assert.equal(watched().at(10 ** 10), WatchVerdict.none);
  });
});
