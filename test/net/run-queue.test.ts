import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Runnable } from "../../src/net/run-queue.ts";
import { RunQueue, SEVERAL, SHARE_UNITS } from "../../src/net/run-queue.ts";

/** What one unit of work takes. */
const UNIT_MS = 0.002;
/** What a turn of the loop takes beside the work. */
const TURN_MS = 0.03;
/** Units that one frame or read may go beyond what was allowed. */
const OVERSHOOT = 16;

/** A connection as the loop sees it, with as much input as its client sends. */
class FakeConnection implements Runnable {
  readonly callerClass: number;
  nextInTurn: Runnable | undefined;
  /** Units of work that were done. */
  done = 0;
  readonly #loop: FakeLoop;
  readonly #unitMs: number;
  /** What came in a turn and was not looked at yet. */
  #left = 0;
  #waits = false;

  constructor(loop: FakeLoop, callerClass: number, unitMs: number) {
    this.#loop = loop;
    this.#unitMs = unitMs;
    this.callerClass = callerClass;
  }

  /** The socket is read, as H2Channel does it. @param units of work in what came. */
  read(units: number): void {
    if (this.#waits) return;
    const { queue } = this.#loop;
    this.#left = units;
    const isSole = this.callerClass === queue.sole;
    const allowed = isSole ? SHARE_UNITS : queue.allowance(this.callerClass);
    if (allowed > 0) this.#work(allowed);
    if (this.#left === 0) return;
    this.#waits = true;
    queue.push(this);
  }

  run(units: number): boolean {
    this.#work(units);
    this.#waits = this.#left > 0;
    return this.#waits;
  }

  #work(allowed: number): void {
    const { queue } = this.#loop;
    const units = Math.min(this.#left, allowed + (this.#left % OVERSHOOT));
    this.#left -= units;
    this.done += units;
    const tookMs = units * this.#unitMs;
    this.#loop.nowMs += tookMs;
    if (this.callerClass !== queue.sole) queue.charge(this.callerClass, units, tookMs);
  }
}

/** The loop of a thread in virtual time. */
class FakeLoop {
  readonly queue = new RunQueue();
  nowMs = 1_000;
  /** Longest turn. */
  longestMs = 0;
  readonly #clients: (() => void)[] = [];

  /**
   * @param units what each of its connections has to be read at every turn; a function of the time.
   * @param unitMs what one of its units takes.
   */
  client(
    callerClass: number,
    connections: number,
    units: (nowMs: number) => number,
    unitMs = UNIT_MS,
  ): FakeConnection[] {
    const made = Array.from({ length: connections }, () => new FakeConnection(this, callerClass, unitMs));
    this.#clients.push(() => {
      for (const each of made) {
        const count = units(this.nowMs);
        if (count > 0) each.read(count);
      }
    });
    return made;
  }

  play(ms: number): void {
    const endMs = this.nowMs + ms;
    while (this.nowMs < endMs) {
      const startMs = this.nowMs;
      for (const read of this.#clients) read();
      if (this.queue.size > 0 || this.queue.sole === SEVERAL) this.queue.serve(this.nowMs);
      this.nowMs += TURN_MS;
      this.longestMs = Math.max(this.longestMs, this.nowMs - startMs);
    }
  }
}

const sum = (connections: readonly FakeConnection[]): number =>
  connections.reduce((units, { done }) => units + done, 0);

describe("work that is more than the loop can do", () => {
  for (const [what, units] of [
    ["small reads on many connections", 5],
    ["reads that are more than a share", 2_000],
  ] as const) {
    it(`is shared evenly between two namespaces, although one floods: ${what}`, () => {
      const loop = new FakeLoop();
      const flood = loop.client(1, 300, () => units);
      const victim = loop.client(2, 1, () => 600);
      loop.play(500);
      const [theirs, ours] = [sum(flood), sum(victim)];
      assert.ok(ours >= 0.9 * (0.5 * (ours + theirs)), `${ours} units of ${ours + theirs}`);
      assert.ok(loop.longestMs < 3, `a turn took ${loop.longestMs} ms`);
    });
  }

  it("is shared evenly among ten, of which nine flood", () => {
    const loop = new FakeLoop();
    const floods = Array.from({ length: 9 }, (_, i) => loop.client(2 + i, 40, () => 900));
    const victim = loop.client(1, 1, () => 600);
    loop.play(1_000);
    const all = [victim, ...floods].map(sum);
    const fair = all.reduce((total, each) => total + each, 0) / all.length;
    for (const each of all) assert.ok(each >= 0.9 * fair, `${each} of ${fair}: ${all}`);
  });

  it("is shared by the time it takes, where what one sends takes ten times longer", () => {
    const loop = new FakeLoop();
    const bombs = loop.client(1, 50, () => 40, 10 * UNIT_MS);
    const victim = loop.client(2, 1, () => 600);
    loop.play(2_000);
    const [theirsMs, oursMs] = [sum(bombs) * 10 * UNIT_MS, sum(victim) * UNIT_MS];
    assert.ok(oursMs >= 0.9 * (0.5 * (oursMs + theirsMs)), `${oursMs} ms of ${oursMs + theirsMs}`);
  });

  it("goes on at full speed for who floods, where others want little, and they get all of it at once", () => {
    const loop = new FakeLoop();
    const flood = loop.client(1, 100, () => 2_000);
    let asked = 0;
    let dueMs = 0;
    const light = loop.client(2, 1, (nowMs) => {
      if (nowMs < dueMs) return 0;
      dueMs = nowMs + 5;
      asked += 20;
      return 20;
    });
    loop.play(1_000);
    assert.equal(sum(light), asked);
    const most = 1_000 / UNIT_MS;
    assert.ok(sum(flood) + asked > 0.9 * most, `${sum(flood)} of ${most} units were done`);
  });

  it("is not reckoned while there is one namespace only: each connection has its share in every turn", () => {
    const loop = new FakeLoop();
    const connections = loop.client(0, 20, () => 2_000);
    loop.play(200);
    assert.equal(loop.queue.sole, 0);
    const shares = connections.map(({ done }) => done);
    assert.ok(Math.max(...shares) - Math.min(...shares) <= 2 * SHARE_UNITS, `${shares}`);
  });

  it("of a namespace that has gone leaves the other alone again, whichever it is", () => {
    const loop = new FakeLoop();
    const untilMs = loop.nowMs + 100;
    loop.client(1, 2, (nowMs) => (nowMs < untilMs ? 700 : 0));
    const rest = loop.client(2, 2, () => 700);
    loop.play(300);
    assert.equal(loop.queue.sole, SEVERAL, "it may come back at once");
    loop.play(2_000);
    assert.equal(loop.queue.sole, 2);
    const before = sum(rest);
    loop.play(100);
    assert.ok(sum(rest) - before > (0.9 * 100) / UNIT_MS);
  });

  it("is not reckoned because of what is our own and comes every second, unless that is more than its share", () => {
    const loop = new FakeLoop();
    loop.queue.reckonsUnclassed = false;
    const pods = loop.client(3, 2, () => 100);
    loop.play(1_500);
    assert.equal(loop.queue.sole, 3);
    let units = 10;
    let dueMs = 0;
    const own = loop.client(0, 1, (nowMs) => {
      if (nowMs < dueMs) return 0;
      dueMs = nowMs + 1_000;
      return units;
    });
    for (let second = 0; second < 3; second++) {
      loop.play(1_000);
      assert.equal(loop.queue.sole, 3);
    }
    assert.equal(sum(own), 3 * units);
    units = 3 * SHARE_UNITS;
    loop.play(1_000);
    assert.equal(loop.queue.sole, SEVERAL);
    assert.equal(sum(own), 3 * 10 + units);
    assert.ok(sum(pods) > 0);
  });

  it("leaves nobody behind", () => {
    const loop = new FakeLoop();
    const untilMs = loop.nowMs + 50;
    const all = [0, 1, 2, 255].flatMap((of) => loop.client(of, 7, (nowMs) => (nowMs < untilMs ? 3_000 : 0)));
    loop.play(2_000);
    assert.equal(loop.queue.size, 0);
    for (const { done } of all) assert.equal(done % 3_000, 0);
  });

  it("gives a connection one share in a turn at most, however much its namespace may do", () => {
    const queue = new RunQueue();
    const shares: number[] = [];
    const busy = (callerClass: number): Runnable => ({
      callerClass,
      nextInTurn: undefined,
      run: (units) => {
        shares.push(units);
        queue.charge(callerClass, units, 0);
        return true;
      },
    });
    assert.ok(queue.allowance(2) > 0, "another namespace has had something to do");
    queue.push(busy(1));
    // The other has nothing to do for so long that this one is alone.
    for (let turn = 0; turn < 100; turn++) queue.serve(turn);
    shares.length = 0;
    queue.serve(100);
    assert.deepEqual([queue.sole, shares], [SEVERAL, [SHARE_UNITS]]);
  });
});
