import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { ExitCode } from "../../src/daemon/exit-code.ts";

const launcher = fileURLToPath(new URL("../../src/cli/launch.mjs", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "isobar-"));
after(() => rmSync(folder, { recursive: true }));

function isobar(...args: string[]): { code: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [launcher, ...args], { encoding: "utf8" });
  return { code: status, stdout, stderr };
}

function fileWith(text: string): string {
  const file = join(folder, "isobar.yaml");
  writeFileSync(file, text);
  return file;
}

test("--version prints the versions of Isobar and Node", () => {
  const { code, stdout } = isobar("--version");
  assert.equal(code, 0);
  assert.match(stdout, /^isobar \d+\.\d+\.\d+ \(Node \d+\.\d+\.\d+\)\n$/);
});

test("--help shows the commands, examples and exit codes", () => {
  const { code, stdout } = isobar("--help");
  assert.equal(code, 0);
  for (const part of [
    "proxy",
    "validate",
    "demo",
    "Examples:",
    "Exit codes:",
    "isobar proxy --config isobar.yaml",
  ]) {
    assert.ok(stdout.includes(part), part);
  }
});

test("wrong usage ends with 64 and says how it goes", () => {
  for (const args of [["fly"], ["proxy"], ["validate"], ["proxy", "--fast"], []]) {
    const { code, stderr } = isobar(...args);
    assert.equal(code, 64, args.join(" "));
    assert.match(stderr, /--help|Usage:/, args.join(" "));
  }
});

test("validate prints a summary and ends with 0", () => {
  const file = fileWith(
    "listeners: [{ name: a, address: 127.0.0.1:1 }]\n" +
      "clusters: [{ name: b, endpoints: [{ address: 1.1.1.1:1 }] }, { name: c, dns: { hostname: c.example, port: 1 } }]",
  );
  assert.deepEqual(isobar("validate", file), {
    code: 0,
    stdout: `${file}: OK, 1 listener, 2 clusters, 1 endpoint and 1 cluster from DNS\n`,
    stderr: "",
  });
});

test("validate and proxy name every problem and end with 64", () => {
  const file = fileWith("listeners: [{ name: a, address: nowhere }]\nx: 1");
  const problems = [
    `${file}:1:33: listeners[0].address: found "nowhere", wanted an address "ip:port"`,
    `${file}:2:1: x: found the unknown key "x"`,
  ];
  for (const args of [
    ["validate", file],
    ["proxy", "--config", file],
  ]) {
    const { code, stdout, stderr } = isobar(...args);
    assert.equal(code, 64);
    assert.equal(stdout, "");
    for (const [index, problem] of problems.entries())
      assert.ok(stderr.split("\n")[index]?.startsWith(problem), stderr);
  }
});

test("a file that is not there ends with 64", () => {
  const { code, stderr } = isobar("proxy", "--config", join(folder, "absent.yaml"));
  assert.equal(code, 64);
  assert.match(stderr, /absent\.yaml: found ENOENT: /);
});

test("every exit code is explained in docs/cli.md", () => {
  const page = readFileSync(new URL("../../docs/cli.md", import.meta.url), "utf8");
  for (const code of Object.values(ExitCode)) assert.match(page, new RegExp(`^\\| ${code} \\|`, "m"));
});
