import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { HeaderMatch, Route, RouteMatch } from "../../src/resource/route.ts";
import type { Field, Form } from "../h2/hpack/reference.ts";
import { configurationOf, RouteRig } from "./route-fixture.ts";

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
