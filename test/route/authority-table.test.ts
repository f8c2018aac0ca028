import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { SeededRandom } from "../../src/base/random.ts";
import { AuthorityTable, NO_ROUTE } from "../../src/route/authority-table.ts";
import { RouteCache } from "../../src/route/route-cache.ts";

function lookup(table: AuthorityTable, authority: string): number {
  const octets = Buffer.from(`xx${authority}yy`, "latin1");
  return table.lookup(octets, 2, octets.length - 4);
}

describe("AuthorityTable", () => {
  it("finds what was set, whatever the case of the letters, and nothing else", () => {
    const table = new AuthorityTable();
    table.set("Echo.Default.svc:50051", 7);
    assert.equal(lookup(table, "echo.default.svc:50051"), 7);
    assert.equal(lookup(table, "ECHO.DEFAULT.SVC:50051"), 7);
    assert.equal(lookup(table, "echo.default.svc:5005"), NO_ROUTE);
    assert.equal(lookup(table, "echo.default.svc:500511"), NO_ROUTE);
    assert.equal(lookup(table, ""), NO_ROUTE);
    // Octets that differ by the case bit without being letters.
    table.set("a[b]", 8);
    assert.equal(lookup(table, "a{b}"), NO_ROUTE);
  });

  it("does as a map does, under any changes", () => {
    const name = fc.string({ unit: fc.constantFrom("a", "B", ".", ":"), minLength: 1, maxLength: 4 });
    const change = fc.record({ name, value: fc.option(fc.nat(100)) });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 200 }), (changes) => {
        const table = new AuthorityTable();
        const map = new Map<string, number>();
        for (const { name: authority, value } of changes) {
          const { version } = table;
          const key = authority.toLowerCase();
          if (value === null) {
            const present = map.delete(key);
            table.delete(authority);
            assert.equal(table.version !== version, present);
          } else {
            map.set(key, value);
            table.set(authority, value);
            assert.notEqual(table.version, version);
          }
        }
        for (const { name: authority } of changes) {
          assert.equal(lookup(table, authority), map.get(authority.toLowerCase()) ?? NO_ROUTE);
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe("RouteCache", () => {
  it("keeps an answer for as long as id and table are the same", () => {
    const cache = new RouteCache(10);
    assert.equal(cache.get(3, 0, 1), undefined);
    cache.set(3, 0, 1, 42);
    assert.equal(cache.get(3, 0, 1), 42);
    assert.equal(cache.get(3, 1, 1), undefined);
    assert.equal(cache.get(3, 0, 2), undefined);
    assert.equal(cache.get(4, 0, 1), undefined);
    cache.set(3, 0, 2, NO_ROUTE);
    assert.equal(cache.get(3, 0, 2), NO_ROUTE);
  });
});

it("finds every name of thousands that come and go in any order, as a map would", () => {
  const table = new AuthorityTable();
  const random = new SeededRandom(7);
  const own = new Map<string, number>();
  const aliases = new Map<string, number>();
  for (let step = 0; step < 20_000; step++) {
    const name = `svc-${random.nextInt(3_000)}.default:1`;
    const isAlias = random.nextInt(2) === 0;
    const map = isAlias ? aliases : own;
    if (random.nextInt(3) === 0) {
      map.delete(name);
      if (isAlias) table.deleteAlias(name);
      else table.delete(name);
    } else {
      map.set(name, step);
      if (isAlias) table.setAlias(name, step);
      else table.set(name, step);
    }
  }
  for (let i = 0; i < 3_000; i++) {
    const name = `svc-${i}.default:1`;
    const wanted = own.get(name) ?? aliases.get(name) ?? NO_ROUTE;
    const octets = Buffer.from(name.toUpperCase());
    assert.equal(table.lookup(octets, 0, octets.length), wanted, name);
    assert.equal(table.find(name), wanted);
  }
  assert.equal(new Map(table.entries).size, new Set([...own.keys(), ...aliases.keys()]).size);
});
