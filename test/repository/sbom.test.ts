import assert from "node:assert/strict";
import { it } from "node:test";
import { judgeAudit } from "../../scripts/audit.ts";
import type { Component } from "../../scripts/sbom.ts";
import { makeSbom } from "../../scripts/sbom.ts";
import { readText } from "./repository-files.ts";

/** Licences that let everybody use, change and pass on what ships. */
const ALLOWED = new Set([
  "0BSD",
  "Apache-2.0",
  "(Apache-2.0 AND BSD-3-Clause)",
  "BlueOak-1.0.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "ISC",
  "MIT",
  "PSF-2.0",
  "Python-2.0",
  "Unlicense",
]);

const bom = makeSbom();

function licencesOf({ licenses = [] }: Component): readonly string[] {
  return licenses.map(({ license, expression }) => license?.id ?? expression ?? "");
}

it("names everything that ships with its version, and nothing that only develops", () => {
  const { dependencies, devDependencies } = JSON.parse(readText("package.json")) as {
    readonly dependencies: Readonly<Record<string, string>>;
    readonly devDependencies: Readonly<Record<string, string>>;
  };
  const shipped = new Map(bom.components.map(({ name, version }) => [name, version]));
  for (const [name, version] of Object.entries(dependencies)) assert.equal(shipped.get(name), version, name);
  for (const name of ["typescript", "@biomejs/biome", "@grpc/grpc-js-xds", "dockerfile-utils"]) {
    assert.ok(name in devDependencies, name);
    assert.ok(!shipped.has(name), name);
  }
  assert.match(shipped.get("node") ?? "", /^\d+\.\d+\.\d+$/);
  assert.deepEqual([bom.bomFormat, bom.metadata.component.name], ["CycloneDX", "isobar"]);
  for (const { purl, name } of bom.components) assert.match(purl, /^pkg:[a-z]+\/./, name);
});

it("all that ships has a licence of the list", () => {
  const others = bom.components.flatMap((component) => {
    const licences = licencesOf(component);
    const isGood = licences.length > 0 && licences.every((licence) => ALLOWED.has(licence));
    return isGood ? [] : [`${component.name}@${component.version}: ${licences.join() || "none"}`];
  });
  assert.deepEqual(others, []);
});

it("an audit fails for a known fault, and not for a registry that does not answer", () => {
  const fault = { vulnerabilities: { undici: { severity: "high", range: "<8" } } };
  assert.deepEqual(judgeAudit(fault), {
    text: "known faults in what ships (npm audit --omit=dev says more):\n  undici <8: high",
    failed: true,
  });
  assert.equal(judgeAudit({ vulnerabilities: {} }).failed, false);
  const away = judgeAudit({ error: { summary: "405 Method Not Allowed" } });
  assert.deepEqual(away, {
    text: "not checked, the registry does not answer: 405 Method Not Allowed",
    failed: false,
  });
});
