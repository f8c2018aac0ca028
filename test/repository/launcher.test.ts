import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { it } from "node:test";
import { ROOT, readText } from "./repository-files.ts";

/** Runs the launcher in a process that takes itself for another version of Node. */
function launchAs(version: string): {
  readonly code: number | null;
  readonly text: string;
  readonly out: string;
} {
  const pretend = `Object.defineProperty(process, "versions", { value: { ...process.versions, node: "${version}" } });`;
  const run = spawnSync(
    process.execPath,
    ["--import", `data:text/javascript,${encodeURIComponent(pretend)}`, "src/cli/launch.mjs", "--version"],
    { cwd: ROOT, encoding: "utf8", timeout: 60_000 },
  );
  return { code: run.status, text: run.stderr, out: run.stdout };
}

for (const version of ["18.20.8", "20.20.2", "22.22.0", "24.11.1"]) {
  it(`Node ${version} is refused in one line that says what to do`, () => {
    const { code, text, out } = launchAs(version);
    assert.equal(code, 69);
    assert.equal(out, "");
    assert.match(text, /^isobar: needs Node 24\.12 or newer, found [\d.]+; run "npm ci" [^\n]*\n$/);
    assert.ok(text.includes(version));
  });
}

for (const version of ["24.12.0", "26.10.0"]) {
  it(`Node ${version} is taken`, () => {
    const { code, text, out } = launchAs(version);
    assert.equal(text, "");
    assert.equal(code, 0);
    assert.match(out, /^isobar \d+\.\d+\.\d+/);
  });
}

it("the launcher and package.json agree on the oldest Node", () => {
  const manifest = JSON.parse(readText("package.json")) as { readonly engines: { readonly node: string } };
  assert.equal(manifest.engines.node, ">=24.12");
});
