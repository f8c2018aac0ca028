import assert from "node:assert/strict";
import { Socket } from "node:net";
import { describe, it } from "node:test";
import type { AuthorityQuestion } from "../../../src/proxy/authorities/authority-waiting.ts";
import { ServiceWaits } from "../../../src/proxy/callers/service-waits.ts";
import type { ProxyContext } from "../../../src/proxy/proxy-context.ts";
import { NO_ROUTE } from "../../../src/route/authority-table.ts";

const [TENANT, OTHER, THIRD] = [1, 2, 3] as const;
const MAX_ASKED = 512;
const MAX_WAITING = 4_096;

/** Waits beside what they ask of the data plane; no connection is read here. */
class Rig {
  readonly questions: AuthorityQuestion[] = [];
  readonly time = { nowMs: 0 };
  letIn = 0;
  readonly waits = new ServiceWaits(
    {
      time: this.time,
      authorities: { find: () => NO_ROUTE },
      askedAuthorities: {
        isRouted: () => false,
        ask: (question: AuthorityQuestion) => this.questions.push(question) > 0,
      },
    } as unknown as ProxyContext,
    () => this.letIn++,
  );

  /** @returns how many of so many connections wait. @param services how many numbers they are for, by turns, from `first` on. */
  hold(callerClass: number, connections: number, services: number, first: number): number {
    let held = 0;
    for (let i = 0; i < connections; i++) {
      const number = first + (i % services);
      if (this.waits.hold(new Socket(), number, `s${number}`, callerClass)) held++;
    }
    return held;
  }
}

describe("room for connections that wait for word of their service", () => {
  it("is not one namespace's alone that calls many services", () => {
    const rig = new Rig();
    assert.equal(rig.hold(TENANT, MAX_ASKED * 2, MAX_ASKED * 2, 0), MAX_ASKED / 2);
    assert.equal(rig.hold(OTHER, 100, 100, 10_000), 100);
    assert.ok(rig.hold(THIRD, 1, 1, 20_000) === 1);
    assert.equal(rig.hold(TENANT, 1, 1, 30_000), 0, "it asks for no more");
    assert.equal(rig.hold(TENANT, 1, 1, 0), 1, "but may wait for what is asked for");
  });

  it("is not one namespace's alone that has many connections", () => {
    const rig = new Rig();
    assert.equal(rig.hold(TENANT, MAX_WAITING, 1, 0), MAX_WAITING / 2);
    assert.equal(rig.hold(OTHER, 500, 50, 100), 500);
    assert.equal(rig.hold(THIRD, 500, 50, 200), 500);
    assert.equal(rig.waits.size, MAX_WAITING / 2 + 1_000);
  });

  it("is free again when there is word, when they have waited for too long, and when the proxy leaves", () => {
    const rig = new Rig();
    const all = MAX_ASKED / 2;
    assert.equal(rig.hold(TENANT, MAX_ASKED, MAX_ASKED, 0), all);
    for (const { onWord } of rig.questions.splice(0)) onWord();
    assert.deepEqual([rig.waits.size, rig.letIn], [0, all]);
    assert.equal(rig.hold(TENANT, MAX_ASKED, MAX_ASKED, 0), all);
    rig.time.nowMs = 1_000;
    rig.waits.sweep();
    assert.deepEqual([rig.waits.size, rig.letIn], [0, 2 * all]);
    for (const { onWord } of rig.questions.splice(0)) onWord();
    assert.equal(rig.hold(TENANT, MAX_WAITING, 1, 0), MAX_WAITING / 2);
    rig.waits.drain();
    assert.deepEqual([rig.waits.size, rig.letIn], [0, 2 * all + MAX_WAITING / 2]);
    assert.equal(rig.hold(OTHER, 1, 1, 0), 0, "a proxy that leaves lets in at once");
  });
});
