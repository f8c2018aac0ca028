import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { findCookie, found } from "../../src/route/cookie-value.ts";
import type { StickyKey } from "../../src/route/sticky-key.ts";
import { NO_HASH } from "../../src/route/sticky-key.ts";
import type { Field } from "../h2/hpack/reference.ts";
import { configurationOf, RouteRig } from "./route-fixture.ts";

function cookie(text: string, name: string): string | undefined {
  const octets = Buffer.from(`..${text}..`);
  const length = findCookie(octets, 2, text.length, Buffer.from(name));
  return length < 0 ? undefined : octets.toString("latin1", found.at, found.at + length);
}

describe("findCookie", () => {
  it("finds a cookie by its whole name, wherever it stands", () => {
    assert.equal(cookie("a=1; b=2;c=3", "a"), "1");
    assert.equal(cookie("a=1; b=2;c=3", "b"), "2");
    assert.equal(cookie("a=1; b=2;c=3", "c"), "3");
    assert.equal(cookie("ab=1; b=", "b"), "");
    assert.equal(cookie("ab=1; xb=2", "b"), undefined);
    assert.equal(cookie("b", "b"), undefined);
    assert.equal(cookie("", "b"), undefined);
    assert.equal(cookie("x=b=1", "b"), undefined);
    assert.equal(cookie("a=x=y; b=1", "a"), "x=y");
  });
});

describe("StickyKey", () => {
  const rigWith = (key: ConstructorParameters<typeof StickyKey>[0]) => {
    const configuration = configurationOf({
      sticky: key,
      clusters: [
        { name: "a", weight: 1 },
        { name: "b", weight: 1 },
      ],
    });
    const rig = new RouteRig(configuration);
    const sticky = rig.table.routes[0]!.sticky!;
    return (fields: readonly Field[], source = ""): number => {
      rig.view.begin(rig.rig.block, rig.receive(fields));
      return sticky.hash(rig.view, source);
    };
  };

  it("tells callers apart by header, cookie or address, and says when there is none", () => {
    const byHeader = rigWith({ kind: "header", name: "x-user" });
    assert.equal(
      byHeader([["x-user", "1"]]),
      byHeader([
        ["a", "b"],
        ["x-user", "1"],
      ]),
    );
    assert.notEqual(byHeader([["x-user", "1"]]), byHeader([["x-user", "2"]]));
    assert.equal(byHeader([]), NO_HASH);
    const byCookie = rigWith({ kind: "cookie", name: "id" });
    assert.equal(
      byCookie([["cookie", "id=7; x=1"]]),
      byCookie([
        ["cookie", "x=2"],
        ["cookie", "id=7"],
      ]),
    );
    assert.equal(byCookie([["cookie", "x=1"]]), NO_HASH);
    const bySource = rigWith({ kind: "source" });
    assert.equal(bySource([], "10.0.0.1"), bySource([["x-user", "1"]], "10.0.0.1"));
    assert.notEqual(bySource([], "10.0.0.1"), bySource([], "10.0.0.2"));
    assert.equal(bySource([], ""), NO_HASH);
  });
});
