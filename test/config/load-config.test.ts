import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { loadConfig } from "../../src/config/load-config.ts";
import { loadConfigApart } from "../../src/config/load-config-apart.ts";

const folder = mkdtempSync(join(tmpdir(), "isobar-"));
after(() => rmSync(folder, { recursive: true }));
const env = { ...process.env, ISOBAR_NODE_ID: "n1" };

function fileWith(text: string): string {
  const file = join(folder, "isobar.yaml");
  writeFileSync(file, text);
  return file;
}

test("a process of its own reads the same configuration, frozen too", async () => {
  const file = fileWith(
    "listeners: [{ name: a, address: 127.0.0.1:1 }]\nclusters: [{ name: b, endpoints: [] }]",
  );
  const apart = await loadConfigApart(file, env);
  assert.deepEqual(apart, await loadConfig(file, env));
  assert.equal(apart.config?.node.id, "n1");
  assert.ok(Object.isFrozen(apart.config?.clusters[0]));
});

test("a process of its own finds the same problems", async () => {
  const file = fileWith("listeners: 5\nx: 1");
  const { problems } = await loadConfigApart(file, env);
  assert.equal(problems?.length, 2);
  assert.deepEqual(problems, (await loadConfig(file, env)).problems);
});

test("a file that cannot be read is a problem of the file", async () => {
  const file = join(folder, "absent.yaml");
  const { problems } = await loadConfig(file, env);
  assert.equal(problems?.length, 1);
  assert.match(problems[0]!.found, /^ENOENT: /);
  assert.equal(problems[0]!.file, file);
});
