import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { checkTlsFiles } from "../../src/config/check-tls-files.ts";
import { formatConfigProblem } from "../../src/config/config-problem.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { parseConfig } from "../../src/config/parse-config.ts";
import { missingForCarrier } from "../support/missing-for-carrier.ts";
import { TestAuthority } from "../support/test-authority.ts";

const WITH = (tls: string, more = "") =>
  `listeners: [{ name: l, address: 127.0.0.1:1 }]\nclusters:\n  - { name: "a.test:1", endpoints: []${more}, tls: ${tls} }\n`;

function problemsOf(text: string): string[] {
  const { problems = [] } = parseConfig(text, { file: "f.yaml", env: {}, check: checkTlsFiles });
  return problems.map(formatConfigProblem);
}

describe("the tls section of a cluster", { skip: missingForCarrier("tls") }, () => {
  const authority = new TestAuthority();
  const pair = authority.issue();
  const other = authority.issue();
  const file = (name: string, text: string): string => {
    const path = join(authority.folder, name);
    writeFileSync(path, text);
    return path;
  };
  after(() => authority.remove());

  it("is taken when its files are good", async () => {
    const mutual = `{ mode: MUTUAL, caFile: ${authority.caFile}, certFile: ${pair.certFile}, keyFile: ${pair.keyFile} }`;
    for (const tls of [`{ mode: SIMPLE }`, `{ mode: SIMPLE, caFile: ${authority.caFile} }`, mutual]) {
      assert.deepEqual(problemsOf(WITH(tls)), []);
    }
    const config = file("isobar.yaml", WITH(mutual));
    assert.equal((await loadConfig(config, {})).problems, undefined);
  });

  const mutual = (certFile: string, keyFile: string) =>
    `{ mode: MUTUAL, certFile: ${certFile}, keyFile: ${keyFile} }`;
  const wrong: readonly [string, () => string, RegExp][] = [
    [
      "a file that is not there",
      () => `{ mode: SIMPLE, caFile: /nowhere/ca.crt }`,
      /clusters\[0\]\.tls\.caFile: found "\/nowhere\/ca\.crt": .*(ENOENT|no such file).*, wanted a readable file/,
    ],
    [
      "a file without a certificate",
      () => `{ mode: SIMPLE, caFile: ${file("empty.crt", "nothing")} }`,
      /caFile: found .*: no certificate in it, wanted at least one PEM certificate/,
    ],
    [
      "a damaged certificate",
      () => `{ mode: SIMPLE, caFile: ${file("bad.crt", authority.ca.replace(/M/g, "N"))} }`,
      /caFile: found .*: certificate 1 is damaged/,
    ],
    [
      "a key that is none",
      () => mutual(pair.certFile, file("bad.key", "nothing")),
      /keyFile: found .*: no usable key in it .*, wanted a PEM private key without a passphrase/,
    ],
    [
      "the key of another certificate",
      () => mutual(pair.certFile, other.keyFile),
      /keyFile: found .*: the key of another certificate, wanted the key of certFile/,
    ],
    [
      "MUTUAL without a key",
      () => `{ mode: MUTUAL, certFile: ${pair.certFile} }`,
      /tls: found mode MUTUAL without keyFile, wanted certFile and keyFile; add keyFile/,
    ],
    [
      "SIMPLE with a certificate",
      () => `{ mode: SIMPLE, certFile: ${pair.certFile}, keyFile: ${pair.keyFile} }`,
      /tls\.certFile: found certFile with mode SIMPLE.*set mode: MUTUAL/,
    ],
    [
      "a relative path",
      () => `{ mode: SIMPLE, caFile: ca.crt }`,
      /caFile: found "ca\.crt", wanted the absolute path of a PEM file/,
    ],
    [
      "a wildcard in the middle",
      () => `{ mode: SIMPLE, subjectAltNames: ["a.*.test"] }`,
      /subjectAltNames\[0\]: found "a\.\*\.test", wanted a host name/,
    ],
    [
      "no names at all",
      () => `{ mode: SIMPLE, subjectAltNames: [] }`,
      /subjectAltNames: found \[\], wanted a list of 1 to 64 names/,
    ],
    [
      "an unknown mode",
      () => `{ mode: ISTIO_MUTUAL }`,
      /mode: found "ISTIO_MUTUAL", wanted SIMPLE or MUTUAL/,
    ],
  ];
  for (const [what, tls, message] of wrong) {
    it(`is refused with ${what}`, () => {
      const problems = problemsOf(WITH(tls()));
      assert.ok(problems.length > 0);
      assert.match(problems[0]!, message);
      assert.ok(problems.every((problem) => !problem.includes("PRIVATE KEY-----")));
    });
  }

  it("is refused together with protocol: tcp", () => {
    assert.match(
      problemsOf(WITH(`{ mode: SIMPLE }`, ", protocol: tcp"))[0]!,
      /found tls together with protocol: tcp/,
    );
  });
});
