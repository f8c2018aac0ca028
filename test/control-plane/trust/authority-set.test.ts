import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Authority, AuthoritySet } from "../../../src/control-plane/trust/authority-set.ts";
import { advanceAuthorities, bundleOf, renewalMs } from "../../../src/control-plane/trust/authority-set.ts";

const TIMES = { authorityLifeMs: 900, overlapMs: 50, servingLifeMs: 100 };

/** Authorities named by when they were made. */
class Clock {
  nowMs = 0;
  issued = 0;
  published = "";

  async advance(set: AuthoritySet | undefined): Promise<AuthoritySet> {
    const { nowMs } = this;
    const issue = async (): Promise<Authority> => {
      this.issued++;
      return { cert: `<${nowMs}>`, key: "k", notBeforeMs: nowMs, notAfterMs: nowMs + TIMES.authorityLifeMs };
    };
    return advanceAuthorities(set, nowMs, TIMES, (cert) => this.published.includes(cert), issue);
  }
}

describe("authorities", () => {
  it("follow each other with an overlap, so that nobody meets one that he has not heard of", async () => {
    const clock = new Clock();
    let set: AuthoritySet | undefined;
    const seen: string[] = [];
    for (clock.nowMs = 0; clock.nowMs <= 1_600; clock.nowMs += 10) {
      const before = bundleOf(set ?? (await clock.advance(undefined)));
      set = await clock.advance(set);
      assert.ok(clock.nowMs === 0 || before.includes(set.current.cert), "who signs was trusted before");
      assert.ok(set.current.notAfterMs > clock.nowMs);
      clock.published = bundleOf(set);
      const state = `${set.current.cert} ${clock.published}`;
      if (seen.at(-1)?.split(" @")[0] !== state) seen.push(`${state} @${clock.nowMs}`);
    }
    assert.deepEqual(seen, [
      "<0> <0> @0",
      "<0> <0><600> @600",
      "<600> <600><0> @650",
      "<600> <600> @900",
      "<600> <600><1200> @1200",
      "<1200> <1200><600> @1250",
      "<1200> <1200> @1500",
    ]);
  });

  it("change nothing while nothing is due", async () => {
    const clock = new Clock();
    const set = await clock.advance(undefined);
    clock.nowMs = 599;
    assert.equal(await clock.advance(set), set);
    assert.equal(renewalMs(set.current), 600);
  });

  it("do not use what nobody can have read of", async () => {
    const clock = new Clock();
    let set = await clock.advance(undefined);
    clock.nowMs = 600;
    set = await clock.advance(set);
    clock.nowMs = 700;
    assert.equal((await clock.advance(set)).current.cert, "<0>", "its bundle could not be written");
    clock.published = bundleOf(set);
    assert.equal((await clock.advance(set)).current.cert, "<600>");
  });

  it("begin anew where all have ended while nobody was there", async () => {
    const clock = new Clock();
    let set = await clock.advance(undefined);
    clock.nowMs = 900;
    set = await clock.advance(set);
    assert.deepEqual([set.current.cert, bundleOf(set)], ["<900>", "<900>"]);
    clock.nowMs = 1_500;
    set = await clock.advance(set);
    clock.nowMs = 1_850;
    set = await clock.advance(set);
    assert.equal(set.current.cert, "<1500>", "the next one is there, published or not");
  });
});
