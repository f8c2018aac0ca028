import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { HeaderMatch, Route, RouteMatch } from "../../src/resource/route.ts";
import type { Field, Form } from "../h2/hpack/reference.ts";
import { configurationOf, PLAIN_ROUTE, RouteRig } from "./route-fixture.ts";

/** What the first matching route is, the slow way. */
function slowly(
  routes: readonly Route[],
  authority: string,
  path: string,
  fields: readonly Field[],
): string | undefined {
  const value = (name: string): string | undefined => {
    const values = fields.filter((field) => field[0] === name).map((field) => field[1]);
    return values.length === 0 ? undefined : values.join(name === "cookie" ? "; " : ",");
  };
  const holds = ({ name, kind, value: wanted }: HeaderMatch): boolean => {
    const found = value(name);
    if (kind === "present") return found !== undefined;
    if (kind === "absent") return found === undefined;
    return found !== undefined && (kind === "exact" ? found === wanted : found.startsWith(wanted));
  };
  const takes = (match: RouteMatch): boolean => {
    const service = match.path.endsWith("/*");
    const isPath =
      match.path === "" ||
      match.path === path ||
      (service &&
        path.startsWith(match.path.slice(0, -1)) &&
        !path.slice(match.path.length - 1).includes("/"));
    return isPath && match.headers.every(holds);
  };
  const name = authority.toLowerCase();
  const isFor = (pattern: string): boolean =>
    pattern === "*" ||
    pattern === name ||
    (pattern.startsWith("*") && name.endsWith(pattern.slice(1)) && name.length > pattern.length - 1);
  return routes.find(
    (route) => route.authorities.some(isFor) && (route.matches.length === 0 || route.matches.some(takes)),
  )?.name;
}

const AUTHORITIES = ["a.test", "b.test", "x.b.test", "a.test:80", "other", "test"];
/** Of groups; some of them are the configuration's too, or caught by its patterns. */
const GROUP_NAMES = ["a.test", "b.test", "x.b.test", "other"];
const PATTERNS = ["a.test", "b.test", "*.test", "*.b.test", "*", "a.test:80"];
const PATHS = ["/p.S/A", "/p.S/B", "/p.T/A", "/p.S/", "/plain", "/p.S/A/deep", "/"];
const PATH_MATCHES = ["", "/p.S/A", "/p.S/*", "/p.T/*", "/plain", "/p.S/B"];
const NAMES = ["x-user", "x-shard", "accept-encoding", "cookie", "user-agent", "x-unmatched"];
const VALUES = ["", "a", "ab", "abc", "gzip, deflate", "a,ab", "k=1", "x".repeat(200)];

const header = fc.record({
  name: fc.constantFrom(...NAMES.slice(0, 5)),
  kind: fc.constantFrom<HeaderMatch["kind"]>("exact", "prefix", "present", "absent"),
  value: fc.constantFrom(...VALUES),
});
const match = fc.record({
  path: fc.constantFrom(...PATH_MATCHES),
  headers: fc.array(header, { maxLength: 2 }),
});
const route = fc.record({
  authorities: fc.uniqueArray(fc.constantFrom(...PATTERNS), { minLength: 1, maxLength: 3 }),
  matches: fc.array(match, { maxLength: 3 }),
});
const writing = fc.record({
  form: fc.constantFrom<Form>("indexed", "incremental", "plain", "never"),
  huffman: fc.boolean(),
  pick: fc.constantFrom(-1, 0, 0.5),
});
const field = fc.tuple(fc.constantFrom(...NAMES), fc.constantFrom(...VALUES));
const request = fc.record({
  authority: fc.constantFrom(...AUTHORITIES, "A.Test", "X.B.TEST"),
  path: fc.constantFrom(...PATHS),
  fields: fc.array(fc.tuple(field, writing), { maxLength: 5 }),
});

describe("RouteTable", () => {
  it("finds the route that a slow search finds, however fields are written and tables are filled", () => {
    fc.assert(
      fc.property(
        fc.array(route, { maxLength: 6 }),
        fc.array(request, { maxLength: 12 }),
        (routes, requests) => {
          const configuration = configurationOf(...routes);
          const rig = new RouteRig(configuration);
          for (const { authority, path, fields } of requests) {
            const list = fields.map(([each]): Field => each);
            const found = rig.find(authority, path, list, (i) => fields[i]![1]);
            assert.equal(found, slowly(configuration.routes, authority, path, list));
          }
          assert.equal(rig.close(), 0);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("finds the same when groups of routes have come and gone as if it had been made of what is left", () => {
    const step = fc.record({
      key: fc.constantFrom("g1", "g2", "g3"),
      names: fc.uniqueArray(fc.constantFrom(...GROUP_NAMES), { minLength: 1, maxLength: 3 }),
      routes: fc.array(fc.array(match, { maxLength: 2 }), { maxLength: 3 }),
    });
    fc.assert(
      fc.property(
        fc.array(route, { maxLength: 3 }),
        fc.array(step, { maxLength: 8 }),
        fc.array(request, { maxLength: 12 }),
        (configured, steps, requests) => {
          const configuration = configurationOf(...configured);
          const rig = new RouteRig(configuration);
          const groups = new Map<string, readonly Route[]>();
          for (const [n, { key, names, routes }] of steps.entries()) {
            const isOfOther = (name: string): boolean =>
              [...groups].some(([other, [first]]) => other !== key && first?.authorities.includes(name));
            const authorities = names.filter((name) => !isOfOther(name));
            const made = routes.map((matches, i) => ({
              ...PLAIN_ROUTE,
              name: `${key} ${n} ${i}`,
              authorities,
              matches,
            }));
            if (authorities.length === 0 || made.length === 0) {
              groups.delete(key);
              rig.table.deleteGroup(key);
            } else {
              groups.set(key, made);
              rig.table.setGroup({ key, routes: made });
            }
          }
          rig.look();
          const all = [...configuration.routes, ...[...groups.values()].flat()];
          assert.equal(rig.table.routes.filter((each) => each !== undefined).length, all.length);
          for (const { index, route: own } of rig.table.routes.filter((each) => each !== undefined))
            assert.equal(rig.table.routes[index]?.route, own);
          for (const { authority, path, fields } of requests) {
            const list = fields.map(([each]): Field => each);
            const found = rig.find(authority, path, list, (i) => fields[i]![1]);
            assert.equal(found, slowly(all, authority, path, list));
          }
          assert.equal(rig.close(), 0);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("leaves an authority with the group that has taken it over, in whatever order groups are told", () => {
    const rig = new RouteRig(configurationOf());
    const group = (key: string, ...authorities: string[]) => ({
      key,
      routes: [{ ...PLAIN_ROUTE, name: key, authorities }],
    });
    rig.table.setGroup(group("one", "a.test", "b.test"));
    rig.table.setGroup(group("two", "b.test"));
    rig.table.setGroup(group("one", "a.test"));
    assert.equal(rig.find("a.test", "/", []), "one");
    assert.equal(rig.find("b.test", "/", []), "two");
    rig.table.deleteGroup("one");
    assert.equal(rig.find("a.test", "/", []), undefined);
    assert.equal(rig.find("b.test", "/", []), "two");
  });

  it("makes of a further group nothing but its own routes and hosts", () => {
    const rig = new RouteRig(configurationOf());
    const group = (n: number) => ({
      key: `${n}`,
      routes: ["x", "y"].map((name) => ({ ...PLAIN_ROUTE, name, authorities: [`s${n}.test`, `s${n}`] })),
    });
    for (let n = 0; n < 1_000; n++) rig.table.setGroup(group(n));
    const before = [...rig.table.routes];
    assert.deepEqual(
      rig.table.setGroup(group(1_000)).map(({ index }) => index),
      [2_000, 2_001],
    );
    assert.ok(before.every((each, i) => rig.table.routes[i] === each));
    rig.table.deleteGroup("500");
    // Places are used again: what comes and goes takes no more than what is there.
    rig.table.setGroup(group(1_001));
    assert.equal(rig.table.routes.length, 2_002);
  });

  it("takes authorities apart by suffix at whole labels only", () => {
    const rig = new RouteRig(configurationOf({ authorities: ["*.b.test"] }));
    assert.equal(rig.find("a.b.test", "/", []), "route-0");
    assert.equal(rig.find("b.test", "/", []), undefined);
    assert.equal(rig.find("ab.test", "/", []), undefined);
    assert.equal(rig.find("xb.test", "/", []), undefined);
  });

  it("joins fields of one name by commas, and cookies by semicolons", () => {
    const headers: HeaderMatch[] = [
      { name: "x-user", kind: "exact", value: "a,b" },
      { name: "cookie", kind: "exact", value: "k=1; l=2" },
    ];
    const rig = new RouteRig(configurationOf({ matches: [{ path: "", headers }] }));
    const cookies: Field[] = [
      ["cookie", "k=1"],
      ["cookie", "l=2"],
    ];
    assert.equal(rig.find("a.test", "/", [["x-user", "a"], ["x-user", "b"], ...cookies]), "route-0");
    assert.equal(rig.find("a.test", "/", [["x-user", "b"], ["x-user", "a"], ...cookies]), undefined);
    assert.equal(rig.find("a.test", "/", [["x-user", "a"], ...cookies]), undefined);
  });

  it("looks for names of every length an octet can count, and never for part of one", () => {
    const long = "x".repeat(100);
    const headers: HeaderMatch[] = [{ name: long, kind: "present", value: "" }];
    const rig = new RouteRig(configurationOf({ matches: [{ path: "", headers }] }));
    for (const huffman of [false, true]) {
      const writing = () => ({ form: "plain" as const, huffman, pick: -1 });
      assert.equal(rig.find("a.test", "/", [[long, "1"]], writing), "route-0");
      for (const other of [`${long}x`, long.slice(1), "x".repeat(300)])
        assert.equal(rig.find("a.test", "/", [[other, "1"]], writing), undefined);
    }
  });
});
