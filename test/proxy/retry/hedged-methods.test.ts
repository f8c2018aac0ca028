import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Slab } from "../../../src/base/slab.ts";
import { InternPool } from "../../../src/h2/hpack/intern-pool.ts";
import { HedgedMethods } from "../../../src/proxy/retry/hedged-methods.ts";

const slab = new Slab({ capacityOctets: 2 ** 20, poison: true });
const pool = new InternPool(slab, { maxEntries: 16 });
const scratch = slab.alloc(2048);

/** How often a path was decoded. */
let reads = 0;

function includes(methods: HedgedMethods, path: string, pathIntern = 0): boolean {
  const readPath = (out: number): number => {
    reads++;
    return slab.bytes.write(path, out, "latin1");
  };
  return methods.includes({ pathIntern, pathLength: path.length, readPath }, pool, slab.bytes, scratch);
}

describe("hedged methods", () => {
  it("are those named, and all of a service with a star", () => {
    const methods = new HedgedMethods(["/a.B/Get", "/c.D/*"]);
    for (const path of ["/a.B/Get", "/c.D/Get", "/c.D/Set"]) assert.ok(includes(methods, path), path);
    for (const path of ["/a.B/Gets", "/a.B/", "/a.B", "/c.D", "/c.De/Get", "/x/c.D/Get", "/", "", "/a.b/get"])
      assert.ok(!includes(methods, path), path);
  });

  it("are not those whose path is absurdly long", () => {
    const methods = new HedgedMethods(["/c.D/*"]);
    assert.ok(!includes(methods, `/c.D/${"x".repeat(1100)}`));
  });

  it("are decided once for a path that is interned, and anew when its id means another", () => {
    const methods = new HedgedMethods(["/a.B/Get"]);
    reads = 0;
    for (let i = 0; i < 5; i++) assert.ok(includes(methods, "/a.B/Get", 3));
    for (let i = 0; i < 5; i++) assert.ok(!includes(methods, "/a.B/Set", 4));
    assert.equal(reads, 2);
    pool.generation[3]!++;
    assert.ok(!includes(methods, "/a.B/Other", 3));
    assert.equal(reads, 3);
  });
});
