import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { describe, it } from "node:test";
import { stripVTControlCharacters } from "node:util";
import type { ShownPart } from "../../src/demo/demo-summary.ts";
import { demoSummary } from "../../src/demo/demo-summary.ts";
import { LiveScreen } from "../../src/demo/live-screen.ts";
import { Tally } from "../../src/demo/tally.ts";
import type { ViewPart } from "../../src/demo/view-block.ts";
import { viewBlock } from "../../src/demo/view-block.ts";

const NAMES = ["a1", "a2", "b1", "b2", "c1", "c3"];

function samplePart(calls: number): ViewPart {
  const tally = new Tally();
  NAMES.forEach((name, index) => {
    tally.addArrivals(name, {
      kind: "arrivals",
      part: 0,
      calls: { pinned: calls * index, isobar: 2 * calls },
    });
  });
  const failed = { DEADLINE_EXCEEDED: 1_000_000, RESOURCE_EXHAUSTED: 1 };
  tally.addOutcomes("pinned", { kind: "outcomes", part: 0, answered: 9, failed, latency: [600, 1] });
  const note = (name: string) =>
    name === "a1" ? "dead" : name === "b1" ? "slow" : name === "c3" ? "new" : "";
  const backends = NAMES.map((name) => ({ name, zone: `zone-${name.charAt(0)}`, note: note(name) }) as const);
  return {
    title: "2 of 4: b1 needs 10 times as long for each call",
    tally: tally.part(0),
    elapsedMs: 2000,
    backends,
  };
}

describe("viewBlock", () => {
  it("fits 80 columns, in plain ASCII without colours and blocks", () => {
    for (const calls of [0, 1, 60_000]) {
      for (const line of viewBlock(samplePart(calls), { color: false, blocks: false })) {
        assert.ok(line.length <= 80, `${line.length}: ${line}`);
        assert.match(line, /^[ -~]*$/);
      }
    }
  });

  it("shows calls per second as bars in proportion, and the numbers of the living backends", () => {
    const lines = viewBlock(samplePart(100), { color: false, blocks: false });
    const c3 = lines.find((line) => line.startsWith("c3"));
    assert.equal(c3, `c3 zone-c  new   ${"#".repeat(21)}  250/s   ${"#".repeat(8).padEnd(21)}  100/s`);
    // Without a1, which is dead: 100 to 500 calls pinned, 200 each through the proxy.
    assert.match(lines.find((line) => line.startsWith("max/mean"))!, /^max\/mean +1\.67 +1\.00$/);
    assert.match(lines.at(-1)!, /^failed +1,000,001 \(deadline exceeded\) +0$/);
  });

  it("has the same width with colours and blocks", () => {
    const plain = viewBlock(samplePart(100), { color: false, blocks: true });
    const colored = viewBlock(samplePart(100), { color: true, blocks: true });
    assert.notDeepEqual(colored, plain);
    assert.deepEqual(colored.map(stripVTControlCharacters), plain);
    for (const line of plain) assert.ok(line.length <= 80);
  });
});

describe("demoSummary", () => {
  it("ends with max/mean of both ways and fits 80 columns", () => {
    const { tally } = samplePart(100);
    const part = { label: "b1 10 x slower", subject: "b1", backends: NAMES.slice(1), tally };
    const kinds: readonly ShownPart["kind"][] = ["healthy", "slow", "killed", "added"];
    const lines = demoSummary(
      kinds.map((kind) => ({ ...part, kind })),
      1,
      3_000_000,
    );
    assert.equal(lines.at(-1), "max/mean  per connection 1.67   Isobar 1.00");
    assert.match(lines.at(-2)!, /too busy to make 100 % of the calls/);
    for (const line of lines) assert.ok(line.length <= 80, `${line.length}: ${line}`);
  });

  it("says so when nothing was measured", () => {
    assert.deepEqual(demoSummary([], 1, 0), ["The demo ended before anything was measured."]);
  });
});

describe("LiveScreen", () => {
  function record(live: boolean, use: (screen: LiveScreen) => void): string {
    let text = "";
    const output = new Writable({
      write(chunk, _encoding, done) {
        text += String(chunk);
        done();
      },
    });
    const screen = new LiveScreen(output, live, () => 4);
    use(screen);
    screen.close();
    return text;
  }

  it("writes nothing but printed lines when it is not live", () => {
    const text = record(false, (screen) => {
      screen.draw(["picture"]);
      screen.print(["one", "two"]);
    });
    assert.equal(text, "one\ntwo\n");
  });

  it("draws over its last picture, cut to the terminal, and gives the cursor back", () => {
    const text = record(true, (screen) => {
      screen.draw(["1", "2", "3", "4", "5"]);
      screen.draw(["6"]);
    });
    assert.ok(text.startsWith("\x1b[?25l"));
    assert.ok(!text.includes("4\x1b[K"));
    assert.ok(text.includes("\x1b[3A\r6\x1b[K\n\x1b[J"));
    assert.ok(text.endsWith("\x1b[?25h"));
  });
});
