import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, it } from "node:test";
import { Child } from "../../clients/harness/child.ts";
import { REPOSITORY } from "../../clients/harness/paths.ts";
import { until } from "../../e2e/harness/until.ts";

const LIMIT_MS = 30_000;
const folder = mkdtempSync(join(tmpdir(), "isobar-cp-status-"));
const admin = `unix:${join(folder, "admin.sock")}`;
const children: Child[] = [];

after(async () => {
  for (const child of children) await child.stop();
  rmSync(folder, { recursive: true });
});

function isobar(env: NodeJS.ProcessEnv, ...args: string[]): Child {
  const launcher = `${REPOSITORY}/src/cli/launch.mjs`;
  return new Child(
    { command: process.execPath, args: [launcher], env: { KUBECONFIG: "/nowhere", ...env } },
    args,
  );
}

it("status and doctor in a control plane's container tell of the control plane", async () => {
  const file = join(folder, "services.yaml");
  const endpoints = [{ address: "127.0.0.1:9" }, { address: "127.0.0.2:9" }];
  writeFileSync(file, JSON.stringify({ clusters: [{ name: "echo.shop:50051", endpoints }] }));
  const plane = isobar(
    {},
    "control-plane",
    "--static",
    file,
    "--address",
    "127.0.0.1:0",
    "--insecure",
    "--admin",
    admin,
  );
  children.push(plane);
  const env = { ISOBAR_ADMIN_ADDRESS: admin };
  const ask = (...args: string[]) => isobar(env, ...args).waitForEnd(LIMIT_MS);
  await until(
    "the control plane is ready",
    async () => (await ask("ask", "/ready")).code === 0,
    () => folder,
    LIMIT_MS,
  );
  const { code, stdout, stderr } = await ask("status");
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^CONTROL PLANE\nREPLICA .*\nunix:\S+ +1 +2 +0 +0 +0\n$/);
  const doctor = await ask("doctor");
  assert.equal(doctor.code, 0, doctor.stdout);
  assert.doesNotMatch(doctor.stdout, /404/);
});
