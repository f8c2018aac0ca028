import assert from "node:assert/strict";
import { test } from "node:test";
import { callerMode, isAmong, NOT_OPTED_IN, readOptIn } from "../../src/controller/opt-in.ts";
import { OptInBook } from "../../src/controller/opt-in-book.ts";

const UIDS = Array.from(
  { length: 10_000 },
  (_, i) => `0b9e4a1c-55d2-4f0e-8c7a-${String(i).padStart(12, "0")}`,
);

test("a Pod says its mode before its Namespace does, and nobody who says nothing is opted in", () => {
  assert.deepEqual(readOptIn({}, {}), NOT_OPTED_IN);
  assert.equal(readOptIn({ mode: "transparent" }, {}).mode, "transparent");
  assert.equal(readOptIn({ mode: "transparent" }, { mode: "off" }).mode, "off");
  assert.equal(readOptIn({}, { mode: "address" }).mode, "address");
  const all = readOptIn({ mode: "transparent", reclaim: "off", fail: "closed", percent: "25" }, {});
  assert.deepEqual(all, { mode: "transparent", percent: 25, reclaim: false, failClosed: true });
  assert.equal(readOptIn({ fail: "closed" }, { fail: "open" }).failClosed, false);
});

test("a percent takes about as many Pods, by their UIDs, and raising it only adds Pods", () => {
  let before = new Set<string>();
  for (let percent = 0; percent <= 100; percent += 5) {
    const among = new Set(UIDS.filter((uid) => isAmong(percent, uid)));
    assert.ok(Math.abs(among.size / UIDS.length - percent / 100) < 0.02, `${among.size} at ${percent} %`);
    for (const uid of before) assert.ok(among.has(uid), `${uid} went at ${percent} %`);
    before = among;
  }
  assert.equal(before.size, UIDS.length);
});

test("who is among a percent does not change from release to release", () => {
  const among = UIDS.slice(0, 40).map((uid) => (isAmong(25, uid) ? "x" : "."));
  assert.equal(among.join(""), ".x........xx..x..xx..x.xxx.x.xx......x..");
});

test("the percent is of captured Pods; those that come by themselves, or say their mode themselves, are not refused by it", () => {
  const none = { mode: "transparent", percent: "0" };
  assert.equal(callerMode(readOptIn(none, {}), UIDS[0]!), "off");
  assert.equal(callerMode(readOptIn({ ...none, mode: "proxy-env" }, {}), UIDS[0]!), "proxy-env");
  assert.equal(callerMode(readOptIn(none, { mode: "transparent" }), UIDS[0]!), "transparent");
});

test("what turns unreadable goes on saying what it said last; what never could be read does least", () => {
  const annotations = { mode: "transparent", percent: "50", reclaim: "off", fail: "closed" };
  let namespace: { uid: string; annotations: Record<string, string> } | undefined = { uid: "n", annotations };
  const book = new OptInBook(() => namespace);
  const wanted = { mode: "transparent", percent: 50, reclaim: false, failClosed: true };
  assert.deepEqual(book.ofNamespace("shop"), wanted);
  namespace = { uid: "n", annotations: { mode: "transparant", percent: "50%", reclaim: "no", fail: "shut" } };
  assert.deepEqual(book.ofNamespace("shop"), wanted);
  assert.deepEqual(new OptInBook(() => namespace).ofNamespace("shop"), {
    mode: "off",
    percent: 0,
    reclaim: false,
    failClosed: false,
  });
  namespace = { uid: "another of that name", annotations: namespace.annotations };
  assert.equal(book.ofNamespace("shop").mode, "off");
  namespace = undefined;
  assert.deepEqual(book.ofNamespace("shop"), NOT_OPTED_IN);
});

test("a Pod's own annotations are remembered by its UID, until it is gone", () => {
  const book = new OptInBook(() => undefined);
  const pod = { namespace: "shop", uid: "u", annotations: { mode: "address" } };
  assert.equal(book.of(pod).mode, "address");
  assert.equal(book.of({ ...pod, annotations: { mode: "adress" } }).mode, "address");
  book.forget("u");
  assert.equal(book.of({ ...pod, annotations: { mode: "adress" } }).mode, "off");
});
