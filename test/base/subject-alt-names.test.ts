import assert from "node:assert/strict";
import { test } from "node:test";
import { matchSubjectAltNames } from "../../src/base/subject-alt-names.ts";

const cases: readonly [string, string, boolean][] = [
  ["a.test", "DNS:a.test", true],
  ["A.Test", "DNS:b.test, DNS:a.tEST", true],
  ["a.test", "DNS:b.test", false],
  ["a.test", "", false],
  ["a.test", "DNS:*.test", true],
  ["a.b.test", "DNS:*.test", false],
  [".test", "DNS:*.test", false],
  ["*.test", "DNS:a.test", true],
  ["*.test", "DNS:a.b.test", false],
  ["*.test", "DNS:*.test", true],
  ["*.b.test", "DNS:*.test", false],
  ["spiffe://mesh/ns/a/sa/b", "URI:spiffe://mesh/ns/a/sa/b", true],
  ["spiffe://mesh/ns/a/sa/b", "URI:spiffe://mesh/ns/a/sa/B", false],
  ["spiffe://mesh/ns/a/sa/b", "DNS:spiffe://mesh/ns/a/sa/b", false],
  ["10.0.0.1", "IP Address:10.0.0.1", true],
  ["10.0.0.1", "DNS:10.0.0.2, IP Address:10.0.0.3", false],
  ["a.test", "URI:a.test", false],
  // A name made to look like two: Node quotes it.
  ["evil.test", 'DNS:"a.test, DNS:evil.test"', false],
  ["evil.test", 'URI:"http://x/, DNS:evil.test", DNS:b.test', false],
  ["b.test", 'URI:"http://x/, DNS:evil.test", DNS:b.test', true],
  ["a.test", 'DNS:"a.test', false],
];

for (const [wanted, certified, matches] of cases) {
  test(`${wanted} ${matches ? "is" : "is not"} among ${certified || "no names"}`, () => {
    assert.equal(matchSubjectAltNames([wanted], certified), matches);
    assert.equal(matchSubjectAltNames(["nothing.invalid", wanted], certified), matches);
  });
}
