import assert from "node:assert/strict";
import { test } from "node:test";
import { AuthorityTable, NO_ROUTE } from "../../src/route/authority-table.ts";
import { HostIndex } from "../../src/route/host-index.ts";

function indexOf(...names: string[]): { readonly table: AuthorityTable; readonly index: HostIndex } {
  const table = new AuthorityTable();
  for (const [slot, name] of names.entries()) table.set(name, slot);
  return { table, index: new HostIndex(table) };
}

test("a host without a port finds the only route that has it, or the one with the preferred port", () => {
  const { index } = indexOf("a.test:50051", "b.test:80", "b.test:443", "c.test:1", "c.test:2", "d.test");
  assert.equal(index.findHost("a.test", 443), 0);
  assert.equal(index.findHost("b.test", 443), 2);
  assert.equal(index.findHost("b.test"), NO_ROUTE);
  assert.equal(index.findHost("c.test", 443), NO_ROUTE);
  assert.equal(index.findHost("d.test", 443), 5);
  assert.equal(index.findHost("test"), NO_ROUTE);
});

test("a target is a route with its port, one without any, or the only one whose first labels it has", () => {
  const { index } = indexOf(
    "web.prod.svc.cluster.local:80",
    "db.prod.svc:5432",
    "db.test.svc:5432",
    "api",
    "[::1]:9",
  );
  assert.equal(index.findTarget("web.prod.svc.cluster.local", 80), 0);
  assert.equal(index.findTarget("web.prod", 80), 0);
  assert.equal(index.findTarget("web", 80), 0);
  assert.equal(index.findTarget("web", 81), NO_ROUTE);
  assert.equal(index.findTarget("web.prod.svc", 80), NO_ROUTE, "two labels at most");
  assert.equal(index.findTarget("db", 5432), NO_ROUTE, "two have it");
  assert.equal(index.findTarget("db.test", 5432), 2);
  assert.equal(index.findTarget("api", 1234), 3);
  assert.equal(index.findTarget("::1", 9), 4);
});

test("it follows the table", () => {
  const { table, index } = indexOf("a.test:1");
  assert.equal(index.findHost("a.test"), 0);
  table.set("a.test:2", 7);
  assert.equal(index.findHost("a.test"), NO_ROUTE);
  assert.equal(index.findTarget("a", 2), 7);
  table.delete("a.test:1");
  assert.equal(index.findHost("a.test"), 7);
  assert.equal(index.findTarget("a", 1), NO_ROUTE);
});
